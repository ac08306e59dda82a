/**
 * The SFTP subsystem on one SSH channel: packets in, one request after the other, replies out. No more is read from the
 * channel than is answered, so its window (2 MiB) and one chunk are all that a client can have waiting. Site thread.
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { ServerChannel } from 'ssh2'
import { PacketCutter } from './packet-cutter.js'
import type { SftpRequests } from './sftp-requests.js'

/** What may wait to be sent before requests wait too. */
const UNSENT_BYTES_MAX = 1 << 20

export class SftpChannel {
  readonly #channel: ServerChannel
  readonly #requests: SftpRequests
  readonly #socket: Socket
  readonly #cutter = new PacketCutter()
  /** Nothing comes any more, from it or to it. */
  readonly #closing = new AbortController()
  #work: Promise<void> = Promise.resolve()

  constructor(channel: ServerChannel, requests: SftpRequests, socket: Socket) {
    this.#channel = channel
    this.#requests = requests
    this.#socket = socket
  }

  /** Until the client ends it or is gone. */
  serve(): void {
    const channel = this.#channel
    channel.on('data', (chunk: Buffer) => {
      channel.pause()
      this.#work = this.#work.then(() => this.#take(chunk))
    })
    channel.on('end', () => {
      this.#work = this.#work.then(() => this.#finish(0))
    })
    channel.on('error', () => this.close())
    channel.on('close', () => this.close())
    this.#socket.once('close', () => this.close())
  }

  close(): void {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.#work = this.#work.then(() => this.#requests.drop())
  }

  async #take(chunk: Buffer): Promise<void> {
    const packets = this.#cutter.push(chunk)
    if (packets === null) return this.#finish(1)
    for (const packet of packets) {
      if (this.#closing.signal.aborted) return
      const reply = await this.#requests.answer(packet)
      if (reply === null) return this.#finish(1)
      await this.#send(reply)
    }
    this.#channel.resume()
  }

  async #send(reply: Buffer): Promise<void> {
    if (this.#closing.signal.aborted) return
    const { signal } = this.#closing
    const hasRoom = this.#channel.write(reply)
    // The window of the client says what it wants, its socket what it takes: a client that reads nothing gets no more.
    if (!hasRoom) await once(this.#channel, 'drain', { signal }).catch(() => {})
    if (this.#socket.writableLength > UNSENT_BYTES_MAX) await once(this.#socket, 'drain', { signal }).catch(() => {})
  }

  #finish(status: number): void {
    if (this.#closing.signal.aborted) return
    this.#channel.exit(status)
    this.#channel.end()
    this.close()
  }
}
