/** The carriers of a stand: simulators in a process of their own with ledgers of their own, which live on while engines die. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SmscStats } from '../../src/smpp/simulator/smsc-stats.js'
import type { SubscriberMessage } from '../../src/smpp/simulator/subscriber-pdu.js'
import type { Order } from './carrier-process.js'
import { nodeCommand } from './engine-under-test.js'
import type { CarrierSpec } from './watched-smsc.js'

const PROCESS = fileURLToPath(new URL('./carrier-process.js', import.meta.url))

interface Answer {
  number: number
  answer?: object
  error?: string
}

export class CarriersUnderTest {
  readonly names: readonly string[]
  /** Where each listens. */
  readonly ports: Readonly<Record<string, number>>
  readonly #folder: string
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(answer: object): void; reject(error: Error): void }>()
  #number = 0

  private constructor(folder: string, child: ChildProcess, ports: Record<string, number>) {
    this.#folder = folder
    this.#child = child
    this.ports = ports
    this.names = Object.keys(ports)
    child.on('message', (message) => this.#answered(message as Answer))
    child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the carriers ended'))
      this.#waiting.clear()
    })
  }

  /** `folder`: gets a ledger of each, `carrier-NAME.ledger`. Ports of 0 are any free ones. */
  static async start(folder: string, specs: readonly CarrierSpec[]): Promise<CarriersUnderTest> {
    const [command, args] = nodeCommand([PROCESS, folder, JSON.stringify(specs)])
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the carriers ended with ${code}`)
    })
    const [first] = (await Promise.race([once(child, 'message'), ended])) as [{ ports: Record<string, number> }]
    ended.catch(() => {})
    return new CarriersUnderTest(folder, child, first.ports)
  }

  ledgerOf(name: string): string {
    return path.join(this.#folder, `carrier-${name}.ledger`)
  }

  /** In the little language of src/smpp/simulator/faults.ts; '': none. */
  async setFaults(name: string, faults: string): Promise<void> {
    await this.#tell({ do: 'faults', name, faults })
  }

  /** Parts a second from which it throttles; null: no limit. */
  async setRate(name: string, perSecond: number | null): Promise<void> {
    await this.#tell({ do: 'rate', name, perSecond })
  }

  async setLatency(name: string, ms: number): Promise<void> {
    await this.#tell({ do: 'latency', name, ms })
  }

  /** `drop` cuts all connections, `unbind` asks all peers to leave, `mute` reads and says nothing until `unmute`. */
  async order(name: string, what: 'drop' | 'unbind' | 'mute' | 'unmute'): Promise<void> {
    await this.#tell({ do: what, name })
  }

  /** Resolves when the engine has taken all PDUs of it; gives their number. */
  async subscriber(name: string, message: SubscriberMessage): Promise<number> {
    return ((await this.#tell({ do: 'subscriber', name, message })) as { pdus: number }).pdus
  }

  async stats(name: string): Promise<SmscStats> {
    return (await this.#tell({ do: 'stats', name })) as SmscStats
  }

  /** The ledgers hold on return everything that was seen. */
  async flush(): Promise<void> {
    await this.#tell({ do: 'flush' })
  }

  /** The machine of the carriers stands still: connections stay, nothing moves. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.thaw()
    await this.#tell({ do: 'stop' })
    await ended
  }

  #tell(order: Order): Promise<object> {
    const number = ++this.#number
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject })
      this.#child.send({ number, order })
    })
  }

  #answered({ number, answer, error }: Answer): void {
    const waiting = this.#waiting.get(number)
    this.#waiting.delete(number)
    if (error !== undefined) waiting?.reject(new Error(error))
    else waiting?.resolve(answer ?? {})
  }
}
