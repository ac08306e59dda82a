/** Watches the trace route of a server: line by line, and as a capture. */
import type { Peers } from './peer-support.js'

/** A line of the trace route. */
export interface Line {
  watching?: boolean
  direction: 'in' | 'out'
  // biome-ignore lint/suspicious/noExplicitAny: a PDU's fields are what the test asserts.
  pdu: Record<string, any>
}

/** The answer of the trace route, line by line; `first` is there once it watches. */
export class Watcher {
  readonly lines: Line[] = []
  readonly #ending = new AbortController()
  #waiting: (() => void) | null = null

  async start({ server }: Peers, query: string, carrier = 'sim'): Promise<void> {
    const response = await fetch(`${server.url}/v1/carriers/${carrier}/trace${query}`, {
      headers: { authorization: `Bearer ${server.adminKey}` },
      signal: this.#ending.signal,
    })
    if (response.status !== 200) throw new Error(await response.text())
    void this.#read(response)
    await this.until(({ length }) => length > 0)
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder()
    let rest = ''
    try {
      for await (const chunk of response.body!) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
        rest = lines.pop()!
        for (const line of lines) this.lines.push(JSON.parse(line))
        this.#waiting?.()
      }
    } catch (error) {
      if (!this.#ending.signal.aborted) throw error
    }
  }

  async until(fits: (lines: Line[]) => boolean): Promise<void> {
    while (!fits(this.lines)) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
  }

  stop(): void {
    this.#ending.abort()
  }

  pdus(command: string): Line[] {
    return this.lines.filter(({ pdu }) => pdu?.command === command)
  }
}

/** Octets of a capture file before its records, before a packet, and of IP and TCP before a PDU; our made-up address. */
const FILE_HEAD = 24
const RECORD_HEAD = 16
const PACKET_HEAD = 40
const OURS = 0xc0000201

/** The same as a capture file that grows until `stop`. */
export class Capture {
  readonly #chunks: Buffer[] = []
  readonly #ending = new AbortController()
  #reading: Promise<void> = Promise.resolve()

  async start({ server }: Peers, carrier = 'sim'): Promise<string | null> {
    const response = await fetch(`${server.url}/v1/carriers/${carrier}/trace?format=pcap&text=true`, {
      headers: { authorization: `Bearer ${server.adminKey}` },
      signal: this.#ending.signal,
    })
    this.#reading = this.#read(response)
    return response.headers.get('content-type')
  }

  async #read(response: Response): Promise<void> {
    try {
      for await (const chunk of response.body!) this.#chunks.push(Buffer.from(chunk))
    } catch (error) {
      if (!this.#ending.signal.aborted) throw error
    }
  }

  /** How often we have sent a PDU of this command, as far as the capture has come. */
  count(command: number): number {
    const bytes = Buffer.concat(this.#chunks)
    let found = 0
    for (let at = FILE_HEAD; at + RECORD_HEAD + PACKET_HEAD + 8 <= bytes.length; ) {
      const packet = at + RECORD_HEAD
      const isOurs = bytes.readUInt32BE(packet + 12) === OURS
      if (isOurs && bytes.readUInt32BE(packet + PACKET_HEAD + 4) === command) found++
      at = packet + bytes.readUInt32LE(at + 8)
    }
    return found
  }

  async until(command: number, count: number): Promise<void> {
    while (this.count(command) < count) await new Promise((resolve) => setTimeout(resolve, 10))
  }

  async stop(): Promise<Buffer> {
    this.#ending.abort()
    await this.#reading
    return Buffer.concat(this.#chunks)
  }
}
