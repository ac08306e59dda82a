/**
 * The fixed header of RTP packets (RFC 3550 §5.1): written in place, and read with everything checked that a packet says of
 * its own length, so that nothing outside it is ever looked at. Media thread, once a packet.
 */

export const RTP_HEAD_BYTES = 12
const VERSION = 2
const MARKER = 0x80
/** RTCP that was sent to the port of RTP (RFC 5761 §4): packet types 192 to 223 where RTP has marker and payload type. */
const RTCP = { from: 192, to: 223 } as const

/** Version 2, nothing else set: no padding, no extension, no contributing sources. SSRC and payload follow. */
export function beginRtp(packet: Buffer, ssrc: number): void {
  packet[0] = VERSION << 6
  packet.writeUInt32BE(ssrc >>> 0, 8)
}

export function setRtpType(packet: Buffer, payloadType: number, marker: boolean): void {
  packet[1] = marker ? payloadType | MARKER : payloadType
}

export function setRtpPlace(packet: Buffer, sequence: number, timestamp: number): void {
  packet.writeUInt16BE(sequence, 2)
  packet.writeUInt32BE(timestamp, 4)
}

/** One received packet; the same object reads them all. */
export class RtpView {
  payloadType = 0
  marker = false
  sequence = 0
  timestamp = 0
  ssrc = 0
  /** Where its payload lies, without extension and padding. */
  start = 0
  end = 0

  /** Whether it is an RTP packet that is whole. */
  read(packet: Buffer): boolean {
    if (packet.length < RTP_HEAD_BYTES || packet[0]! >> 6 !== VERSION) return false
    const kind = packet[1]!
    if (kind >= RTCP.from && kind <= RTCP.to) return false
    this.marker = (kind & MARKER) !== 0
    this.payloadType = kind & 0x7f
    this.sequence = packet.readUInt16BE(2)
    this.timestamp = packet.readUInt32BE(4)
    this.ssrc = packet.readUInt32BE(8)
    return this.#findPayload(packet)
  }

  #findPayload(packet: Buffer): boolean {
    const first = packet[0]!
    let start = RTP_HEAD_BYTES + (first & 0x0f) * 4
    if ((first & 0x10) !== 0) {
      if (start + 4 > packet.length) return false
      start += 4 + packet.readUInt16BE(start + 2) * 4
    }
    const padding = (first & 0x20) === 0 ? 0 : packet[packet.length - 1]!
    if ((first & 0x20) !== 0 && padding === 0) return false
    this.start = start
    this.end = packet.length - padding
    return this.start <= this.end
  }
}
