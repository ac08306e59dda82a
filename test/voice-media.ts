/** A media thread, and far ends that speak plain RTP over sockets of their own, for tests. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '../src/engine/contract/log.js'
import type { Clip, Codec, Media, MediaPlace, MediaReport, MediaTarget } from '../src/sip/media/media.js'
import { prepareMedia, type RunningMedia } from '../src/start-media.js'
import { until } from './until.js'

interface Teardown {
  teardown(end: () => unknown): void
}

/** A folder that is gone after the test. */
export function soundFolder(t: Teardown): string {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-voice-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** One call of ours: what the media thread says of it. */
export class HeardCall {
  digits = ''
  readonly failures: string[] = []
  played = 0
  readonly #media: Media
  readonly #call: number

  constructor(media: Media, call: number) {
    this.#media = media
    this.#call = call
  }

  async open(place: MediaPlace): Promise<number | null> {
    return await new Promise((resolve) => this.#media.open(this.#call, place, resolve))
  }

  connect(target: MediaTarget): void {
    this.#media.connect(this.#call, target)
  }

  play(clips: readonly Clip[], delayMs = 0): void {
    this.#media.play(this.#call, clips, delayMs)
  }

  async close(): Promise<MediaReport> {
    return await new Promise((resolve) => this.#media.close(this.#call, resolve))
  }

  async until(isSo: () => boolean): Promise<void> {
    await until(async () => isSo(), Boolean)
  }
}

/** The media thread with one carrier that has joined it. */
export class MediaStand {
  readonly media: RunningMedia
  readonly #joined: Media
  readonly #calls = new Map<number, HeardCall>()

  constructor(t: Teardown) {
    this.media = prepareMedia({ logLevel: 'silent' }, silentLog)
    t.teardown(async () => await this.media.stop())
    this.#joined = this.media.link.join({
      digit: (call, digit) => {
        this.#calls.get(call)!.digits += digit
      },
      played: (call) => {
        this.#calls.get(call)!.played++
      },
      failed: (call, why) => void this.#calls.get(call)!.failures.push(why),
    })
  }

  call(): HeardCall {
    const number = this.#calls.size + 1
    const call = new HeardCall(this.#joined, number)
    this.#calls.set(number, call)
    return call
  }
}

/**
 * Resolves when the media thread has taken all that was sent to it until now: another call was opened, answered and heard
 * since, and each turn of its loop reads every socket that has something.
 */
export async function allTaken(stand: MediaStand, clock: Phone): Promise<void> {
  const call = stand.call()
  await call.open({ address: clock.address, from: 0, to: 0 })
  const before = clock.heard.length
  call.connect(clock.target('pcma'))
  await clock.until((heard) => heard.length > before)
  await call.close()
}

export interface RtpFields {
  type: number
  marker: boolean
  sequence: number
  timestamp: number
  ssrc: number
  payload: Buffer
}

export interface HeardPacket extends RtpFields {
  from: string
  bytes: Buffer
}

/** Of a packet without padding, extension and contributing sources, as we send them. */
export function fieldsOf(packet: Buffer): RtpFields {
  return {
    type: packet[1]! & 0x7f,
    marker: packet[1]! > 0x7f,
    sequence: packet.readUInt16BE(2),
    timestamp: packet.readUInt32BE(4),
    ssrc: packet.readUInt32BE(8),
    payload: packet.subarray(12),
  }
}

export function rtpPacket({ type, marker, sequence, timestamp, ssrc, payload }: RtpFields): Buffer {
  const head = Buffer.alloc(12)
  head[0] = 0x80
  head[1] = type | (marker ? 0x80 : 0)
  head.writeUInt16BE(sequence & 0xffff, 2)
  head.writeUInt32BE(timestamp >>> 0, 4)
  head.writeUInt32BE(ssrc >>> 0, 8)
  return Buffer.concat([head, payload])
}

/** The far end: a socket that keeps what it hears. */
export class Phone {
  readonly heard: HeardPacket[] = []
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (bytes: Buffer, { address, port }: RemoteInfo) => {
      this.heard.push({ ...fieldsOf(bytes), from: `${address}:${port}`, bytes })
    })
  }

  static async listen(t: Teardown, address: string): Promise<Phone> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    socket.setMaxListeners(0)
    const listening = once(socket, 'listening')
    socket.bind(0, address)
    await listening
    t.teardown(() => socket.close())
    return new Phone(socket)
  }

  get address(): string {
    return this.#socket.address().address
  }

  get port(): number {
    return this.#socket.address().port
  }

  target(codec: Codec, more: Partial<MediaTarget> = {}): MediaTarget {
    const payloadType = codec === 'pcmu' ? 0 : 8
    const { address, port } = this
    return { address, port, codec, payloadType, packetMs: 20, eventPayloadType: 101, mayHear: true, ...more }
  }

  async send(packet: Buffer, to: { address: string; port: number }): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.send(packet, to.port, to.address, (error) => (error ? reject(error) : resolve()))
    })
  }

  async until(isSo: (heard: HeardPacket[]) => boolean): Promise<void> {
    await until(async () => isSo(this.heard), Boolean)
  }

  /** In order of sequence number, from the first that came; a stream may wrap. */
  inOrder(): HeardPacket[] {
    const first = this.heard[0]?.sequence ?? 0
    const place = ({ sequence }: HeardPacket): number => ((sequence - first + 0x8000) & 0xffff) - 0x8000
    return [...this.heard].sort((a, b) => place(a) - place(b))
  }
}
