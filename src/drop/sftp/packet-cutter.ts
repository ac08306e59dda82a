/**
 * Cuts the octets of an SFTP channel into packets: uint32 length, byte type, then the rest (§3). Memory is bounded by the
 * longest packet; a longer one ends the channel. Site thread.
 */
import { PACKET_BYTES_MAX } from './sftp-constants.js'

const HEAD_BYTES = 4

export class PacketCutter {
  #rest: Buffer[] = []
  #restBytes = 0

  /** null: what came is no SFTP, or longer than allowed. Packets begin with their type. */
  push(chunk: Buffer): Buffer[] | null {
    this.#rest.push(chunk)
    this.#restBytes += chunk.length
    const packets: Buffer[] = []
    for (;;) {
      const length = this.#nextLength()
      if (length === null) return packets
      if (length < 1 || length > PACKET_BYTES_MAX) return null
      if (this.#restBytes < HEAD_BYTES + length) return packets
      packets.push(this.#take(HEAD_BYTES + length).subarray(HEAD_BYTES))
    }
  }

  #nextLength(): number | null {
    if (this.#restBytes < HEAD_BYTES) return null
    if (this.#rest[0]!.length < HEAD_BYTES) this.#rest = [Buffer.concat(this.#rest)]
    return this.#rest[0]!.readUInt32BE(0)
  }

  /** So many octets are there. A packet that lies in one chunk is not copied. */
  #take(bytes: number): Buffer {
    if (this.#rest[0]!.length < bytes) this.#rest = [Buffer.concat(this.#rest)]
    const first = this.#rest[0]!
    this.#restBytes -= bytes
    if (first.length === bytes) this.#rest.shift()
    else this.#rest[0] = first.subarray(bytes)
    return first.subarray(0, bytes)
  }
}
