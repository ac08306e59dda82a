/**
 * One data connection: the octets of a file or listing, plain or in TLS (RFC 4217 §7 to §9). What breaks off is told from
 * what ends: a reset, and in TLS an end without close_notify. Site thread.
 */
import type { Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import { DataError } from './data-port.js'
import { HeldSocket } from './held-socket.js'

export interface DataTerms {
  /** null: not encrypted. */
  context: SecureContext | null
  /** The TLS session must go on with one of this log-in's, which nobody else can. */
  needsReuse: boolean
  /** Octets come in: their end is looked at closely. */
  isUpload: boolean
}

const CUT = 'The TLS connection ended without saying so (no close_notify): the file may be cut off, and was not taken.'
const NOT_REUSED =
  'The data connection must go on with the TLS session of this one (session reuse); your client has a setting for it.'

export class DataStream {
  readonly #raw: Socket
  readonly #held: HeldSocket | null
  readonly #stream: Socket
  #error: DataError | null = null
  #wake: (() => void) | null = null
  #isClosed = false

  private constructor(raw: Socket, { context, isUpload }: DataTerms) {
    this.#raw = raw
    raw.setNoDelay(true)
    this.#held = context !== null && isUpload ? new HeldSocket(raw, () => this.#changed()) : null
    this.#stream = context === null ? raw : new TLSSocket(this.#held ?? raw, { isServer: true, secureContext: context })
    const changed = (): void => this.#changed()
    for (const event of ['readable', 'end', 'drain', 'finish', 'secure']) this.#stream.on(event, changed)
    const broke = (cause: Error): void => this.#fail(new DataError('cut', 'The data connection broke off.', { cause }))
    this.#stream.on('error', broke)
    if (this.#stream !== raw) raw.on('error', broke)
    this.#stream.on('close', () => {
      this.#isClosed = true
      changed()
    })
  }

  /** In TLS when this resolves; `made` gets it before, to give it up meanwhile. @throws DataError. */
  static async begin(raw: Socket, terms: DataTerms, made: (data: DataStream) => void): Promise<DataStream> {
    const data = new DataStream(raw, terms)
    made(data)
    if (terms.context !== null) await data.#handshake(terms.needsReuse)
    return data
  }

  async #handshake(needsReuse: boolean): Promise<void> {
    const tls = this.#stream as TLSSocket
    let isSecure = false
    tls.once('secure', () => {
      isSecure = true
    })
    let looks = 0
    while (!isSecure) {
      // The connection may end before TLS has begun, and TLS is not told so.
      const isOver = this.#held?.isDry === true && looks++ > 1
      if (this.#error !== null || this.#isClosed || isOver) {
        this.destroy()
        throw new DataError('tls', 'TLS of the data connection could not begin.', { cause: this.#error })
      }
      await (this.#held?.isDry ? nextTurn() : this.#change())
    }
    if (!needsReuse || tls.isSessionReused()) return
    this.destroy()
    throw new DataError('tls', NOT_REUSED)
  }

  /** null: it ended as it should. @throws DataError cut. */
  async read(): Promise<Buffer | null> {
    let looks = 0
    for (;;) {
      const octets = this.#stream.read() as Buffer | null
      if (octets !== null) return octets
      if (this.#stream.readableEnded) return null
      if (this.#error !== null) throw this.#error
      if (this.#isClosed) throw new DataError('cut', 'The data connection broke off.')
      // Once all is with TLS, its own end shows within one turn of the loop, or there was none.
      if (this.#held?.isDry && looks++ > 1) throw new DataError('cut', CUT)
      await (this.#held?.isDry ? nextTurn() : this.#change())
    }
  }

  /** Resolves when more may be written. @throws DataError cut. */
  async write(octets: Uint8Array): Promise<void> {
    this.#requireOpen()
    if (this.#stream.write(octets)) return
    while (this.#stream.writableNeedDrain) {
      await this.#change()
      this.#requireOpen()
    }
  }

  /** Ends our side; resolves when all of it is on its way. @throws DataError cut. */
  async finish(): Promise<void> {
    this.#requireOpen()
    this.#stream.end()
    while (!this.#stream.writableFinished) {
      await this.#change()
      this.#requireOpen()
    }
  }

  #requireOpen(): void {
    if (this.#error !== null) throw this.#error
    if (this.#isClosed && !this.#stream.writableFinished) {
      throw new DataError('cut', 'You closed the data connection before all was sent.')
    }
  }

  /** Whoever waits for it gets this. */
  fail(error: DataError): void {
    this.#fail(error)
    this.destroy()
  }

  destroy(): void {
    this.#stream.destroy()
    this.#raw.destroy()
  }

  /**
   * Reads on without looking until the peer closes: closing with octets unread would reset the connection, and throw away
   * what the peer has not read yet. `destroy` it after a while. Resolves when it is closed; never throws.
   */
  async linger(): Promise<void> {
    this.#stream.removeAllListeners('readable')
    this.#stream.resume()
    while (!this.#isClosed && !this.#stream.readableEnded && this.#error === null) await this.#change()
    this.destroy()
  }

  #fail(error: DataError): void {
    this.#error ??= error
    this.#changed()
  }

  #changed(): void {
    this.#wake?.()
    this.#wake = null
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#wake
      this.#wake = () => {
        before?.()
        resolve()
      }
    })
  }
}

/** Everything that has already arrived at the machine is read by then. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
}
