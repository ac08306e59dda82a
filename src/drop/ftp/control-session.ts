/**
 * One control connection: reads commands, runs one after the other, answers in order (RFC 959 §5.4), and turns to TLS when
 * it is told to (RFC 4217). Only ABOR is heeded while a file is on its way. Time comes by `tick`. Site thread.
 */
import type { Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import { plainAddress } from '../../engine/base/source-address.js'
import type { Admission } from '../site/site.js'
import { commandOf, statusReply } from './about-commands.js'
import { type CommandLine, CommandReader } from './command-line.js'
import type { Control } from './control.js'
import { freshState } from './control-state.js'
import { DataError } from './data-port.js'
import { failureReply } from './failure-reply.js'
import type { FtpHost } from './ftp-host.js'
import { formatReply, type Reply, reply } from './reply.js'
import type { Transfer } from './transfer.js'

/** Commands that may wait; more are left with the client's system. */
const WAITING_MAX = 64
/** Replies that the client does not read. */
const UNREAD_BYTES_MAX = 64 * 1_024
/** Lines in a row that are no commands. */
const NONSENSE_MAX = 20
/** For the last reply to go out. */
const CLOSING_MS = 3_000
/** What web browsers and mail programs are made to say here by somebody else's page. */
const FOREIGN: readonly string[] = [
  'GET',
  'POST',
  'PUT',
  'HEAD',
  'OPTIONS',
  'DELETE',
  'CONNECT',
  'PATCH',
  'EHLO',
  'HELO',
]
const GREETING = reply(220, 'Trunkline: files that are put here are sent.')

export interface SessionParts {
  host: FtpHost
  socket: Socket
  admission: Admission
  closed(session: ControlSession): void
}

export class ControlSession implements Control {
  readonly host: FtpHost
  readonly ip: string
  readonly peerAddress: string
  readonly ownAddress: string
  readonly state = freshState()
  transfer: Transfer | null = null
  readonly #parts: SessionParts
  readonly #reader = new CommandReader()
  readonly #waiting: CommandLine[] = []
  #stream: Socket
  #context: SecureContext | null = null
  #loginDeadlineMs: number
  #closingAtMs: number | null = null
  #isAnswering = false
  #hasEnded = false
  #isClosed = false
  #nonsense = 0

  constructor(parts: SessionParts) {
    const { host, socket, admission } = parts
    this.host = host
    this.ip = admission.ip
    this.peerAddress = plainAddress(admission.ip)
    this.ownAddress = plainAddress(socket.localAddress ?? '')
    this.#parts = parts
    this.#stream = socket
    this.#loginDeadlineMs = host.clock.monotonic() + host.site.terms.loginSeconds * 1_000
    socket.on('error', () => socket.destroy())
    socket.once('close', () => this.#closed())
    this.#readFrom(socket)
    this.say(GREETING)
  }

  get isOver(): boolean {
    return this.#hasEnded || this.#isClosed || this.#closingAtMs !== null
  }

  get dataContext(): SecureContext | null {
    return this.#context
  }

  #readFrom(stream: Socket): void {
    stream.on('data', (octets) => this.#take(octets))
    stream.on('end', () => this.#ended())
  }

  #take(octets: Buffer): void {
    for (const line of this.#reader.push(octets)) {
      const isAlone = this.#waiting.length === 0
      if (line.verb === 'STAT' && line.argument === '' && isAlone && this.transfer !== null) {
        this.say(statusReply(this))
        continue
      }
      // Its answer waits for that of the transfer; the transfer does not wait.
      if (line.verb === 'ABOR') this.transfer?.fail(new DataError('closed', 'The transfer was given up, as you asked.'))
      this.#waiting.push(line)
    }
    if (this.#waiting.length > WAITING_MAX) this.#stream.pause()
    void this.#answerAll()
  }

  async #answerAll(): Promise<void> {
    if (this.#isAnswering) return
    this.#isAnswering = true
    for (let line = this.#waiting.shift(); line !== undefined; line = this.#waiting.shift()) {
      if (this.#closingAtMs !== null || this.#isClosed) break
      await this.#answer(line)
      if (this.#waiting.length === 0) this.#stream.resume()
      if (this.#stream.writableLength > UNREAD_BYTES_MAX && !this.#isClosed) await drained(this.#stream)
    }
    this.#isAnswering = false
    if (this.#hasEnded) this.#close()
  }

  async #answer(line: CommandLine): Promise<void> {
    this.state.session?.touch()
    try {
      const answer = await this.#run(line)
      if (answer !== null) this.say(answer)
    } catch (error) {
      const answer = failureReply(error)
      if (answer?.code === 451 || answer === null)
        this.host.log.warn({ error, verb: line.verb }, 'an FTP command failed')
      this.say(answer ?? reply(451, 'That did not work; the log of the server says why.'))
    }
  }

  async #run({ verb, argument, isTooLong }: CommandLine): Promise<Reply | null> {
    const command = commandOf(verb)
    if (command === null) return this.#refuseNonsense(verb, isTooLong)
    this.#nonsense = 0
    if (verb !== 'RNTO' && verb !== 'RNFR') this.state.renameFrom = null
    try {
      if (this.state.session === null && !command.isOpen) return reply(530, 'First log in, with USER and PASS.')
      if (command.needsArgument && argument === '') return reply(501, `So it is written: ${command.syntax}`)
      return await command.run(this, argument)
    } finally {
      if (!command.keepsRestart) this.state.restartAt = 0
      if (verb === 'RNTO') this.state.renameFrom = null
    }
  }

  #refuseNonsense(verb: string, isTooLong: boolean): Reply | null {
    const isForeign = this.state.session === null && FOREIGN.includes(verb)
    if (isForeign || ++this.#nonsense >= NONSENSE_MAX) {
      this.hangUp(reply(421, 'This is an FTP server.'))
      return null
    }
    if (isTooLong) return reply(500, 'The line is too long.')
    return verb === '' ? reply(500, 'That is no command.') : reply(502, `${verb} is not known here.`)
  }

  say(answer: Reply): void {
    if (this.#closingAtMs === null && this.#stream.writable) this.#stream.write(formatReply(answer))
  }

  async startTls(): Promise<Reply | null> {
    this.#context = await this.host.certificate.context()
    if (this.isOver) return null
    // What was sent before TLS would be taken for what comes in it (the flaw of CVE-2011-0411).
    if (this.#waiting.length > 0 || this.#reader.hasRest) {
      this.hangUp(reply(421, 'Nothing may follow AUTH before TLS has begun.'))
      return null
    }
    const raw = this.#parts.socket
    raw.removeAllListeners('data')
    raw.removeAllListeners('end')
    this.say(reply(234, 'TLS may begin.'))
    const tls = new TLSSocket(raw, { isServer: true, secureContext: this.#context })
    this.#stream = tls
    this.state.isTls = true
    // Without a handshake within the time for the log-in, `tick` closes it.
    tls.on('error', () => raw.destroy())
    tls.once('close', () => raw.destroy())
    this.#readFrom(tls)
    return null
  }

  hangUp(last: Reply): void {
    if (this.#closingAtMs !== null || this.#isClosed) return
    this.say(last)
    this.#close()
  }

  #close(): void {
    if (this.#closingAtMs !== null) return
    this.#closingAtMs = this.host.clock.monotonic()
    this.#giveUpTransfer()
    this.#waiting.length = 0
    this.#stream.end()
    // What still comes is of no interest, but unread it would reset the connection before the last reply is read.
    this.#stream.removeAllListeners('data')
    this.#stream.resume()
    if (this.#hasEnded) this.#stream.destroySoon()
  }

  #ended(): void {
    this.#hasEnded = true
    this.#giveUpTransfer()
    if (this.#closingAtMs !== null) this.#stream.destroySoon()
    else if (!this.#isAnswering) this.#close()
  }

  #giveUpTransfer(): void {
    this.transfer?.fail(new DataError('closed', 'The control connection was closed.'))
    this.state.dataPort?.close()
  }

  /** `nowMs` is monotonic. */
  tick(nowMs: number): void {
    this.transfer?.tick(nowMs)
    if (this.#closingAtMs !== null && nowMs >= this.#closingAtMs + CLOSING_MS) this.#parts.socket.destroy()
    else if (this.state.session === null && nowMs >= this.#loginDeadlineMs) {
      this.hangUp(reply(421, 'The log-in took too long.'))
    }
  }

  get hasSession(): boolean {
    return this.state.session !== null
  }

  #closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#stream.destroy()
    this.#giveUpTransfer()
    this.#waiting.length = 0
    this.#parts.admission.release()
    void this.state.session?.end()
    this.#parts.closed(this)
  }
}

function drained(stream: Socket): Promise<void> {
  return new Promise((resolve) => {
    stream.once('drain', resolve)
    stream.once('close', resolve)
  })
}
