/**
 * The sound of one call: its socket, one packet that is filled and sent again and again, what it plays and what comes in.
 * Media thread.
 */
import type { RemoteInfo, Socket } from 'node:dgram'
import type { HeardCells } from './heard-cells.js'
import type { Clip, MediaReport, MediaTarget } from './media.js'
import { Player, type PlayerEvents } from './player.js'
import { beginRtp, RTP_HEAD_BYTES, setRtpPlace, setRtpType } from './rtp-header.js'
import { RtpReceiver } from './rtp-receiver.js'
import type { RtpStreams } from './rtp-streams.js'
import type { SoundCache } from './sound-cache.js'
import { SAMPLES_PER_MS } from './sound-file.js'

/** So many packets in a row that the system would not send: about a second. */
const REFUSALS_MAX = 50

export interface MediaCallParts {
  streams: RtpStreams
  sounds: SoundCache
  /** 32 bits of chance that nobody can foretell (RFC 3550 §5.1). */
  chance: () => number
  heard: HeardCells
  cell: number
  events: MediaCallEvents
}

export interface MediaCallEvents extends PlayerEvents {
  digit(digit: string): void
}

export class MediaCall {
  /** Its place in the typed arrays. */
  readonly slot: number
  readonly #socket: Socket
  readonly #streams: RtpStreams
  readonly #events: MediaCallEvents
  readonly #heard: HeardCells
  readonly #cell: number
  readonly #player: Player
  readonly #receiver = new RtpReceiver()
  readonly #ssrc: number
  #packet: Buffer = Buffer.alloc(0)
  #payloadType = 0
  #mayHear = false
  #packetsSent = 0
  #refusals = 0

  /** @param socket bound already. */
  constructor(socket: Socket, { streams, sounds, chance, heard, cell, events }: MediaCallParts) {
    this.#socket = socket
    this.#streams = streams
    this.#events = events
    this.#heard = heard
    this.#cell = cell
    this.#player = new Player(sounds, events)
    this.#ssrc = chance()
    this.slot = streams.add(chance)
    socket.on('message', (packet, source) => this.#received(packet, source))
    socket.on('error', (error) => this.#events.failed(`its port for RTP failed: ${error.message}`))
  }

  /** `step`: the one that is over; the first packet leaves within 20 ms. */
  connect(target: MediaTarget, step: number): void {
    this.#receiver.expect(target)
    this.#player.useCodec(target.codec)
    this.#payloadType = target.payloadType
    this.#mayHear = target.mayHear
    const length = RTP_HEAD_BYTES + target.packetMs * SAMPLES_PER_MS
    if (this.#packet.length !== length) {
      this.#packet = Buffer.alloc(length)
      beginRtp(this.#packet, this.#ssrc)
    }
    this.#streams.start(this.slot, target.packetMs, step)
  }

  play(clips: readonly Clip[], startMs: number): void {
    this.#player.play(clips, startMs)
  }

  /**
   * Its next packet. While the far end holds us nothing is sent and the list waits, but time goes on. A packet that the
   * system has no room for is gone, and one that waits in it may be overwritten by the next: late sound is worth nothing.
   */
  send(nowMs: number): void {
    const streams = this.#streams
    const packet = this.#packet
    const samples = packet.length - RTP_HEAD_BYTES
    const timestamp = streams.timestamp[this.slot]!
    streams.advance(this.slot, samples)
    if (!this.#mayHear) {
      streams.marker[this.slot] = 1
      return
    }
    setRtpType(packet, this.#payloadType, streams.marker[this.slot] === 1)
    streams.marker[this.slot] = 0
    setRtpPlace(packet, streams.sequence[this.slot]!++, timestamp)
    this.#player.fill(packet, RTP_HEAD_BYTES, nowMs)
    this.#socket.send(packet, this.#receiver.port, this.#receiver.address, this.#sent)
    this.#packetsSent++
    this.#heard.set(this.#cell, this.#player.heardMs, this.#player.totalMs)
  }

  /** The socket is closed. */
  close(): MediaReport {
    this.#player.close()
    this.#streams.remove(this.slot)
    this.#socket.close()
    return {
      heardMs: this.#player.heardMs,
      totalMs: this.#player.totalMs,
      packetsSent: this.#packetsSent,
      packetsReceived: this.#receiver.packets,
      packetsLost: this.#receiver.lost,
    }
  }

  /** One function for all packets; what is refused now and then (ENOBUFS, a route that changes) is a lost packet. */
  readonly #sent = (error: Error | null): void => {
    if (error === null) {
      this.#refusals = 0
      return
    }
    this.#packetsSent--
    if (++this.#refusals === REFUSALS_MAX) this.#events.failed(`RTP cannot be sent: ${error.message}`)
  }

  #received(packet: Buffer, source: RemoteInfo): void {
    const digits = this.#receiver.take(packet, source)
    for (const digit of digits) this.#events.digit(digit)
  }
}
