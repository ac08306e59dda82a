/** An FTP client for tests that says exactly what it is told, also what no well-behaved client says. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'

export interface Answer {
  code: number
  text: string
}

export class FtpTalk {
  #socket: Socket
  #text = ''
  #wake: (() => void) | null = null
  isClosed = false
  readonly port: number

  private constructor(socket: Socket, port: number) {
    this.#socket = socket
    this.port = port
    this.#listen(socket)
  }

  /** Connected, with the greeting read. */
  static async open(port: number): Promise<FtpTalk> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    const talk = new FtpTalk(socket, port)
    await talk.answer()
    return talk
  }

  static async loggedIn(port: number, user: string, password: string, tls = true): Promise<FtpTalk> {
    const talk = await FtpTalk.open(port)
    if (tls) {
      await talk.startTls()
      await talk.ask('PBSZ 0')
      await talk.ask('PROT P')
    }
    await talk.ask(`USER ${user}`)
    const { code, text } = await talk.ask(`PASS ${password}`)
    if (code !== 230) throw new Error(text)
    return talk
  }

  get socket(): Socket {
    return this.#socket
  }

  #listen(socket: Socket): void {
    socket.on('data', (octets: Buffer) => {
      this.#text += octets.toString('utf8')
      this.#wake?.()
    })
    const over = (): void => {
      this.isClosed = true
      this.#wake?.()
    }
    socket.on('error', over)
    socket.on('close', over)
    socket.on('end', over)
  }

  send(text: string | Buffer): void {
    this.#socket.write(text)
  }

  async ask(command: string | Buffer): Promise<Answer> {
    this.send(typeof command === 'string' ? `${command}\r\n` : Buffer.concat([command, Buffer.from('\r\n')]))
    return await this.answer()
  }

  /** The next reply; code 0: the server has closed the connection. */
  async answer(): Promise<Answer> {
    for (;;) {
      const match = /^(?:(\d{3})-[\s\S]*?\r\n\1 [^\r\n]*\r\n|(\d{3}) [^\r\n]*\r\n)/.exec(this.#text)
      if (match !== null) {
        this.#text = this.#text.slice(match[0].length)
        return { code: Number(match[1] ?? match[2]), text: match[0] }
      }
      if (this.isClosed) return { code: 0, text: this.#text }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async startTls(): Promise<void> {
    const { code, text } = await this.ask('AUTH TLS')
    if (code !== 234) throw new Error(text)
    this.#socket.removeAllListeners('data')
    const tls = connectTls({ socket: this.#socket, rejectUnauthorized: false })
    this.#socket = tls
    this.#listen(tls)
    await once(tls, 'secureConnect')
  }

  /** A data connection, in TLS unless `plain`: before the command that uses it. TLS begins once that was answered 150. */
  async passive(): Promise<Socket> {
    const { text } = await this.ask('EPSV')
    const port = Number(/\|\|\|(\d+)\|/.exec(text)![1])
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await once(socket, 'connect')
    return socket
  }

  /** The session of the control connection is offered. */
  async dataTls(raw: Socket): Promise<TLSSocket> {
    const session = (this.#socket as TLSSocket).getSession?.()
    const tls = connectTls({ socket: raw, rejectUnauthorized: false, ...(session ? { session } : {}) })
    await once(tls, 'secureConnect')
    return tls
  }

  /** Sends a file by TLS, or plain; the last answer. */
  async put(command: string, content: string | Buffer, isPlain = false): Promise<Answer> {
    const raw = await this.passive()
    const begun = await this.ask(command)
    if (begun.code !== 150) {
      raw.destroy()
      return begun
    }
    const data = isPlain ? raw : await this.dataTls(raw)
    data.on('error', () => {})
    data.resume()
    data.end(content)
    return await this.answer()
  }

  /** What a RETR or LIST brings, and the last answer. */
  async get(command: string, isPlain = false): Promise<Answer & { content: Buffer }> {
    const raw = await this.passive()
    const begun = await this.ask(command)
    if (begun.code !== 150) {
      raw.destroy()
      return { ...begun, content: Buffer.alloc(0) }
    }
    const data = isPlain ? raw : await this.dataTls(raw)
    const chunks: Buffer[] = []
    for await (const chunk of data) chunks.push(chunk as Buffer)
    return { ...(await this.answer()), content: Buffer.concat(chunks) }
  }

  close(): void {
    this.#socket.destroy()
  }
}
