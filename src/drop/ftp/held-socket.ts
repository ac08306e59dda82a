/**
 * A socket whose end is kept from the TLS above it. TLS must say itself that it ends (close_notify, RFC 8446 §6.1); Node
 * takes the end of the TCP connection for the same, and then a file that was cut off looks whole. Site thread.
 */
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

export class HeldSocket extends Duplex {
  readonly #raw: Socket
  #hasEnded = false

  /** `onEnd`: the connection has ended; what came before may still lie in here. */
  constructor(raw: Socket, onEnd: () => void) {
    super({ allowHalfOpen: true })
    this.#raw = raw
    raw.on('data', (octets) => {
      if (!this.push(octets)) raw.pause()
    })
    raw.on('end', () => {
      this.#hasEnded = true
      onEnd()
    })
    raw.on('error', (error) => this.destroy(error))
    raw.on('close', () => this.destroy())
  }

  /** The connection has ended, and all that came is with TLS. */
  get isDry(): boolean {
    return this.#hasEnded && this.readableLength === 0
  }

  override _read(): void {
    this.#raw.resume()
  }

  override _write(octets: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#raw.write(octets, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#raw.end(() => done())
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#raw.destroy()
    done(error)
  }
}
