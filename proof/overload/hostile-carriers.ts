/** Carriers that are no good: they accept and say nothing, or say what nobody asked for as fast as they can; until they are told to behave. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

const BIND_TRANSCEIVER = 0x09
const DELIVER_SM = 0x05
const ENQUIRE_LINK = 0x15
const UNKNOWN = 0x0000_0abc
const RESPONSE = 0x8000_0000

/** `silent`: not a word. `flood`: binds, and then sends without end. `real`: everything passes to and from the real one. */
export type Manner = 'silent' | 'flood' | 'real'

export class HostileCarrier {
  manner: Manner
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #real: () => { host: string; port: number }
  /** Octets that were sent and nobody asked for. */
  flooded = 0
  accepted = 0

  constructor(manner: Manner, real: () => { host: string; port: number }) {
    this.manner = manner
    this.#real = real
    this.#server = createServer((socket) => this.#accept(socket))
  }

  async listen(host: string): Promise<number> {
    this.#server.listen(0, host)
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  /** Those that are connected come again. */
  turn(manner: Manner): void {
    this.manner = manner
    for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await once(this.#server, 'close')
  }

  #accept(socket: Socket): void {
    this.accepted++
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => this.#sockets.delete(socket))
    if (this.manner === 'real') this.#pass(socket)
    else if (this.manner === 'flood') this.#flood(socket)
    else socket.resume()
  }

  #pass(socket: Socket): void {
    const behind = connect(this.#real())
    behind.on('error', () => socket.destroy())
    behind.once('close', () => socket.destroy())
    socket.once('close', () => behind.destroy())
    socket.pipe(behind).pipe(socket)
  }

  /** What it is asked it never answers, but the bind. */
  #flood(socket: Socket): void {
    socket.once('data', (bytes) => {
      if (bytes.readUInt32BE(4) !== BIND_TRANSCEIVER) return socket.destroy()
      socket.write(pdu(RESPONSE + BIND_TRANSCEIVER, bytes.readUInt32BE(12), Buffer.from('flood\0')))
      const wave = Buffer.concat(Array.from({ length: 500 }, (_, n) => unasked(n + 1)))
      const more = (): void => {
        while (!socket.destroyed) {
          this.flooded += wave.length
          if (!socket.write(wave)) return
        }
      }
      socket.on('drain', more)
      socket.resume()
      more()
    })
  }
}

function unasked(n: number): Buffer {
  if (n % 3 === 0) return pdu(ENQUIRE_LINK, n, Buffer.alloc(0))
  if (n % 3 === 1) return pdu(UNKNOWN, n, Buffer.alloc(20))
  const addresses = `\0\x01\x01447700900123\0\x01\x01${60_000 + (n % 10)}\0`
  const text = 'flood'
  const rest = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, text.length])
  return pdu(DELIVER_SM, n, Buffer.concat([Buffer.from(addresses, 'latin1'), rest, Buffer.from(text)]))
}

function pdu(command: number, sequence: number, body: Buffer): Buffer {
  const head = Buffer.alloc(16)
  head.writeUInt32BE(16 + body.length, 0)
  head.writeUInt32BE(command, 4)
  head.writeUInt32BE(sequence, 12)
  return Buffer.concat([head, body])
}
