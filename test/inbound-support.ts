/** What the tests of inbound messages share: a store with a desk over it, and PDUs as the dispatcher keeps them. */
import type { Test } from 'tap'
import type { InboundView } from '../src/engine/contract/inbound.js'
import { silentLog } from '../src/engine/contract/log.js'
import type { Counter, Labels, Metrics } from '../src/engine/contract/metrics.js'
import { noMetrics } from '../src/engine/contract/metrics.js'
import { type InboundDeps, InboundDesk } from '../src/engine/inbound/inbound-desk.js'
import { inboundView } from '../src/engine/inbound/inbound-view.js'
import { type Environment, openEnvironment } from '../src/engine/store/environment.js'
import { type InboundRecord, sealInbound } from '../src/engine/store/inbound-record.js'
import { InboundStore } from '../src/engine/store/inbound-store.js'
import { tempDir } from './dispatch-harness.js'

export const ADMIN = { account: null, accountId: String }
export const START_MS = Date.UTC(2026, 10, 22)

/** A PDU of a subscriber, as the dispatcher keeps it. */
export function pdu(change: Partial<InboundRecord> & { text?: string } = {}): InboundRecord {
  const { text = 'Hello', ...rest } = change
  return {
    carrier: 'acme',
    bind: 0,
    connection: 1,
    run: 1,
    doubtFrom: 1,
    broken: [],
    atMs: START_MS,
    from: '447700900123',
    fromTon: 1,
    fromNpi: 1,
    to: '60099',
    toTon: 3,
    toNpi: 0,
    dataCoding: 0,
    esmClass: 0,
    payload: Buffer.from(text, 'latin1'),
    sar: null,
    ports: null,
    ...rest,
  }
}

/** Part `part` of `total`, with an 8-bit or 16-bit reference in its header. */
export function partPdu(
  place: { reference: number; total: number; part: number; isWide?: boolean },
  text: string,
  change: Partial<InboundRecord> = {},
): InboundRecord {
  const { reference, total, part, isWide = false } = place
  const header = isWide ? [6, 8, 4, reference >> 8, reference & 255, total, part] : [5, 0, 3, reference, total, part]
  const payload = Buffer.concat([Buffer.from(header), Buffer.from(text, 'latin1')])
  return pdu({ esmClass: 0x40, payload, ...change })
}

export class InboundHarness {
  readonly environment: Environment
  readonly counted = new Map<string, number>()
  nowMs = START_MS
  store!: InboundStore
  desk!: InboundDesk
  #next = 1
  readonly #change: Partial<InboundDeps>

  constructor(t: Test, change: Partial<InboundDeps> = {}) {
    this.environment = openEnvironment(tempDir(t))
    this.#change = change
    t.teardown(async () => {
      await this.desk.stop()
      await this.environment.root.close()
    })
    this.#open()
  }

  #open(): void {
    this.store = new InboundStore(this.environment)
    this.desk = new InboundDesk({
      store: this.store,
      clock: { now: () => this.nowMs, monotonic: () => this.nowMs },
      log: silentLog,
      metrics: this.#metrics(),
      carrier: () => ({
        defaultAlphabet: 'gsm7',
        gsm7DataCoding: 0,
        gsm7Packed: false,
        ucs2ByteOrder: 'sniff',
        trailingNul: 'auto',
      }),
      partsTimeoutMs: 1_800_000,
      retentionMs: 86_400_000,
      fail: (error) => {
        throw error
      },
      ...this.#change,
    })
    this.desk.start()
  }

  #metrics(): Metrics {
    return { ...noMetrics, counter: (_name: string, { kind }: Labels = {}): Counter => this.#counter(kind!) }
  }

  #counter(kind: string): Counter {
    return {
      add: (count) => {
        this.counted.set(kind, (this.counted.get(kind) ?? 0) + count)
      },
    }
  }

  /** As the dispatcher does: one commit, then a word to the desk. */
  async keep(...records: InboundRecord[]): Promise<void> {
    await this.environment.root.batch(() => {
      for (const record of records) {
        const { run, doubtFrom, carrier, atMs, ...rest } = record
        const bytes = sealInbound({ ...rest, session: 0, sequence: 0 }, { run, doubtFrom, carrier, atMs })
        this.environment.inbound.put(this.#next++, bytes)
      }
    })
    await this.look()
  }

  /** Raw bytes as they stand in the table. */
  async keepBytes(bytes: Buffer): Promise<void> {
    await this.environment.inbound.put(this.#next++, bytes)
    await this.look()
  }

  async look(): Promise<void> {
    this.desk.wake()
    await this.desk.idle()
  }

  /** The desk as a new process would find things; what the old one had in memory is gone. */
  async restart(): Promise<void> {
    await this.desk.stop()
    this.#open()
    await this.desk.idle()
  }

  /** Time passes, and the desk looks. */
  async after(ms: number): Promise<void> {
    this.nowMs += ms
    await this.look()
  }

  /** From the oldest. */
  list(): InboundView[] {
    return this.store
      .newest(Number.MAX_SAFE_INTEGER, 100_000)
      .reverse()
      .map(({ number, item }) => inboundView(number, item!, ADMIN))
  }
  texts(): (string | null)[] {
    return this.list().map(({ text }) => text)
  }
  /** Kept and not listed. */
  get waiting(): number {
    return this.environment.inbound.getKeysCount()
  }
}
