/**
 * The telephone's end of a call's sound (RFC 3550): a socket that counts and measures what is heard, keeps it where it is
 * recorded, presses digits (RFC 4733), and sends silence where telephones are to be heard as well.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import type { Codec } from '../media/media.js'
import type { Deviation } from './deviation.js'
import { SoundRecorder } from './sound-recorder.js'

export interface EarView {
  /** Milliseconds of sound that arrived, each packet once. */
  heardMs: number
  packets: number
  /** Missing by sequence number (RFC 3550 §6.4.1). */
  lost: number
  /** Not of this call: another source, another payload type, or no RTP. */
  stray: number
  /** Timestamps that do not go with their sequence numbers, without a marker that says why. */
  jumps: number
}

/** Where its packets go, and how. */
export interface EarTarget {
  address: string
  port: number
  codec: Codec
  eventType: number | null
}

export interface EarOptions {
  /** Chance in [0, 1) of this packet, and the share of packets that get lost in either direction. */
  chance: () => number
  loss: number
  isRecorded: boolean
  /** Of all ears together. */
  deviation: Deviation
  /** The first packet of sound. */
  began(): void
}

interface Arrival {
  hasMarker: boolean
  nowMs: number
  /** Samples in it. */
  frame: number
}

const PAYLOAD_TYPES: Readonly<Record<Codec, number>> = { pcmu: 0, pcma: 8 }
/** What no sound is in the two laws. */
const SILENT_OCTET: Readonly<Record<Codec, number>> = { pcmu: 0xff, pcma: 0xd5 }
const HEADER_BYTES = 12
const SAMPLES_PER_MS = 8
const FRAME_SAMPLES = 160
const EVENTS = '0123456789*#ABCD'
const EVENT_FRAMES = 5
const EVENT_REPEATS = 3
const EVENT_GAP_FRAMES = 5
const EVENT_VOLUME = 10

export class Ear {
  readonly #options: EarOptions
  #socket: Socket
  readonly #packet = Buffer.alloc(HEADER_BYTES + FRAME_SAMPLES)
  readonly #recorder: SoundRecorder | null
  #target: EarTarget | null = null
  #source = ''
  #view: EarView = { heardMs: 0, packets: 0, lost: 0, stray: 0, jumps: 0 }
  #ssrc = -1
  #firstSequence = 0
  #firstTimestamp = 0
  /** Of the newest packet; sequence with its wraps counted. */
  #sequence = 0
  #timestamp = 0
  #arrivedAtMs = 0
  /** The last 32 sequence numbers, newest in bit 0. */
  #seen = 0
  /** Frames of our own: one each 20 ms, sent or not. */
  #frames = 0
  #sent = 0
  #pressing: { digit: string; frame: number; timestamp: number } | null = null
  #digits = ''
  readonly #ownSsrc: number
  #isClosed = false

  constructor(socket: Socket, options: EarOptions) {
    this.#socket = socket
    this.#options = options
    this.#ownSsrc = Math.floor(options.chance() * 0x1_0000_0000)
    this.#recorder = options.isRecorded ? new SoundRecorder() : null
    this.#listen()
  }

  #listen(): void {
    this.#socket.on('message', (bytes, from) => this.#received(bytes, from))
    // ICMP of a caller that closed first is no fault of the call.
    this.#socket.on('error', () => {})
  }

  /** What is heard comes to another socket from now on. */
  moveTo(socket: Socket): void {
    this.#socket.close()
    this.#socket = socket
    this.#listen()
  }

  get view(): EarView {
    return this.#view
  }

  get isBusy(): boolean {
    return this.#pressing !== null || this.#digits !== ''
  }

  get port(): number {
    return this.#socket.address().port
  }

  connect(target: EarTarget): void {
    if (target.address !== this.#target?.address || target.port !== this.#target.port) this.#source = ''
    this.#target = target
  }

  press(digits: string): void {
    this.#digits += digits
  }

  write(path: string): void {
    this.#recorder?.write(path, this.#target?.codec ?? 'pcma')
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#socket.close()
  }

  #received(bytes: Buffer, from: RemoteInfo): void {
    const target = this.#target
    if (target === null || (this.#options.loss > 0 && this.#options.chance() < this.#options.loss)) return
    const source = `${from.address} ${from.port}`
    const isSound =
      bytes.length > HEADER_BYTES && bytes[0]! >> 6 === 2 && (bytes[1]! & 0x7f) === PAYLOAD_TYPES[target.codec]
    if (!isSound || (this.#source !== '' && source !== this.#source)) {
      this.#view.stray++
      return
    }
    this.#source = source
    this.#sound(bytes, performance.now())
  }

  #sound(bytes: Buffer, nowMs: number): void {
    const start = HEADER_BYTES + (bytes[0]! & 0x0f) * 4
    const ssrc = bytes.readUInt32BE(8)
    const timestamp = bytes.readUInt32BE(4)
    if (this.#ssrc !== ssrc) this.#begin(ssrc, bytes.readUInt16BE(2), timestamp)
    const step = ((bytes.readUInt16BE(2) - this.#sequence + 0x8000) & 0xffff) - 0x8000
    if (!this.#isNew(step)) return
    const payload = bytes.subarray(start)
    const view = this.#view
    if (view.packets > 0 && step > 0) {
      this.#judge(step, timestamp, { hasMarker: bytes[1]! > 0x7f, nowMs, frame: payload.length })
    }
    view.packets++
    view.heardMs += payload.length / SAMPLES_PER_MS
    if (step >= 0) {
      this.#sequence += step
      this.#timestamp = timestamp
      this.#arrivedAtMs = nowMs
    }
    view.lost = Math.max(0, this.#sequence - this.#firstSequence + 1 - view.packets)
    this.#recorder?.add((timestamp - this.#firstTimestamp) | 0, payload)
    if (view.packets === 1) this.#options.began()
  }

  /** A sender that begins anew goes on counting where the old one was. */
  #begin(ssrc: number, sequence: number, timestamp: number): void {
    if (this.#ssrc < 0) this.#firstTimestamp = timestamp
    this.#ssrc = ssrc
    this.#firstSequence = sequence - this.#view.packets - this.#view.lost
    this.#sequence = sequence
    this.#seen = 0
  }

  /** False: it was there before, or is older than can be told. */
  #isNew(step: number): boolean {
    if (step > 0 || this.#seen === 0) {
      this.#seen = step > 31 ? 1 : (this.#seen << step) | 1
      return true
    }
    const bit = 1 << -step
    if (step < -31 || (this.#seen & bit) !== 0) return false
    this.#seen |= bit
    return true
  }

  /** Against the packet before: timestamps in step with sequence numbers, arrival in step with timestamps. */
  #judge(step: number, timestamp: number, { hasMarker, nowMs, frame }: Arrival): void {
    const samples = (timestamp - this.#timestamp) | 0
    if (samples !== step * frame) {
      if (!hasMarker) this.#view.jumps++
      return
    }
    if (step === 1) this.#options.deviation.add(nowMs - this.#arrivedAtMs - samples / SAMPLES_PER_MS)
  }

  /** Called each 20 ms while the call is open: a frame of a digit that is pressed, or of silence, or nothing. */
  frame(speaks: boolean): void {
    this.#frames++
    const target = this.#target
    if (target === null || this.#isClosed) return
    if (this.#pressing === null && this.#digits !== '' && target.eventType !== null) {
      this.#pressing = { digit: this.#digits[0]!, frame: 0, timestamp: this.#frames * FRAME_SAMPLES }
      this.#digits = this.#digits.slice(1)
    }
    if (this.#pressing !== null) this.#event(target)
    else if (speaks) this.#silence(target)
  }

  /** RFC 4733 §2.5.1: one timestamp for the whole press, a growing duration, the end three times. */
  #event(target: EarTarget): void {
    const press = this.#pressing!
    press.frame++
    if (press.frame <= EVENT_FRAMES) {
      this.#eventPacket(target, press.frame === 1, false)
      for (let n = 0; press.frame === EVENT_FRAMES && n < EVENT_REPEATS; n++) this.#eventPacket(target, false, true)
    } else if (press.frame > EVENT_FRAMES + EVENT_GAP_FRAMES) this.#pressing = null
  }

  #eventPacket(target: EarTarget, hasMarker: boolean, isEnd: boolean): void {
    const { digit, frame, timestamp } = this.#pressing!
    this.#head(target.eventType! | (hasMarker ? 0x80 : 0), timestamp)
    this.#packet[HEADER_BYTES] = EVENTS.indexOf(digit)
    this.#packet[HEADER_BYTES + 1] = EVENT_VOLUME | (isEnd ? 0x80 : 0)
    this.#packet.writeUInt16BE(frame * FRAME_SAMPLES, HEADER_BYTES + 2)
    this.#send(target, HEADER_BYTES + 4)
  }

  #silence(target: EarTarget): void {
    this.#head(PAYLOAD_TYPES[target.codec] | (this.#sent === 0 ? 0x80 : 0), this.#frames * FRAME_SAMPLES)
    this.#packet.fill(SILENT_OCTET[target.codec], HEADER_BYTES)
    this.#send(target, HEADER_BYTES + FRAME_SAMPLES)
  }

  #head(marked: number, timestamp: number): void {
    this.#packet[0] = 0x80
    this.#packet[1] = marked
    this.#packet.writeUInt16BE(this.#sent & 0xffff, 2)
    this.#packet.writeUInt32BE(timestamp >>> 0, 4)
    this.#packet.writeUInt32BE(this.#ownSsrc, 8)
    this.#sent++
  }

  #send(target: EarTarget, length: number): void {
    if (this.#options.loss > 0 && this.#options.chance() < this.#options.loss) return
    // dgram keeps what it is given until it is sent; the one packet of this ear is written again before that.
    this.#socket.send(Buffer.from(this.#packet.subarray(0, length)), target.port, target.address)
  }
}

/** Binds a port of the range in turn, or any where there is none. null: none is free. */
export class EarSockets {
  readonly #range: { from: number; to: number } | null
  #next: number

  constructor(range: { from: number; to: number } | null) {
    this.#range = range
    this.#next = range?.from ?? 0
  }

  async open(host: string): Promise<Socket | null> {
    const tries = this.#range === null ? 1 : Math.floor((this.#range.to - this.#range.from) / 2) + 1
    for (let n = 0; n < tries; n++) {
      const socket = await bound(this.#port(), host)
      if (socket !== null) return socket
    }
    return null
  }

  /** Even ports (RFC 3550 §11). */
  #port(): number {
    if (this.#range === null) return 0
    const port = this.#next
    this.#next = port + 2 > this.#range.to ? this.#range.from : port + 2
    return port
  }
}

function bound(port: number, host: string): Promise<Socket | null> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  return new Promise((resolve) => {
    socket.once('error', () => {
      socket.close()
      resolve(null)
    })
    socket.bind(port, host, () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}
