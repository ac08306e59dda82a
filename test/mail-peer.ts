/** A mail server of the registry's `smtp-server` as the relay of a test: what it does with each message is a script of the test. */
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server'

export interface ReceivedMail {
  from: string
  to: string
  raw: Buffer
  /** The user that logged in; '' = nobody. */
  user: string
  isSecure: boolean
}

/** Every hook may throw `refusal(…)`; `drop` cuts the connection. */
export interface PeerScript {
  onMail?(address: string): void
  onRcpt?(address: string): void
  /** The text has come whole: called before it counts as received. */
  onData?(mail: ReceivedMail, drop: () => void): void | Promise<void>
}

export function refusal(code: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode: code })
}

export class MailPeer {
  readonly received: ReceivedMail[] = []
  script: PeerScript = {}
  connections = 0
  readonly #server: SMTPServer
  readonly #waiting: (() => void)[] = []

  constructor(options: SMTPServerOptions = {}) {
    const isOpen = options.onAuth === undefined
    this.#server = new SMTPServer({
      disabledCommands: isOpen ? ['AUTH', 'STARTTLS'] : [],
      authOptional: isOpen,
      logger: false,
      closeTimeout: 200,
      ...options,
      onConnect: (_session, done) => {
        this.connections++
        done()
      },
      onMailFrom: ({ address }, _session, done) => hook(() => this.script.onMail?.(address), done),
      onRcptTo: ({ address }, _session, done) => hook(() => this.script.onRcpt?.(address), done),
      onData: (stream, session, done) => {
        const pieces: Buffer[] = []
        stream.on('data', (piece: Buffer) => pieces.push(piece))
        stream.on('end', () => void this.#take(Buffer.concat(pieces), session, done))
      },
    })
    this.#server.on('error', () => {})
  }

  async #take(raw: Buffer, session: SMTPServerSession, done: (error?: Error | null) => void): Promise<void> {
    const { mailFrom, rcptTo } = session.envelope
    const mail = {
      from: mailFrom === false ? '' : mailFrom.address,
      to: rcptTo[0]!.address,
      raw,
      user: String(session.user ?? ''),
      isSecure: session.secure,
    }
    let isDropped = false
    const drop = (): void => {
      isDropped = true
      this.received.push(mail)
      this.cut()
    }
    try {
      await this.script.onData?.(mail, drop)
    } catch (error) {
      done(error as Error)
      return
    }
    if (!isDropped) {
      this.received.push(mail)
      done()
    }
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Every connection breaks off, without a word. */
  cut(): void {
    const { connections } = this.#server as unknown as { connections: Set<{ _socket: Socket }> }
    for (const { _socket } of connections) _socket.destroy()
  }

  async listen(port = 0): Promise<number> {
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server.server, 'listening')
    return (this.#server.server.address() as AddressInfo).port
  }

  /** Resolves when so many have been received in all. */
  async until(count: number): Promise<void> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  async parsed(index: number): Promise<ParsedMail> {
    return await simpleParser(this.received[index]!.raw)
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}

function hook(work: () => void, done: (error?: Error | null) => void): void {
  try {
    work()
    done()
  } catch (error) {
    done(error as Error)
  }
}
