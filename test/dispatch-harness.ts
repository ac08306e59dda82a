/**
 * A dispatcher over a real store with a carrier in memory whose behaviour the test scripts: answers, receipts, faults.
 * For what the loop promises; what sockets do is tested with real peers elsewhere.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { CarrierPatch, CarrierView, Channel, ReceiptIdView } from '../src/engine/contract/channel.js'
import { systemClock } from '../src/engine/contract/clock.js'
import type { JobDispatch } from '../src/engine/contract/lane.js'
import { silentLog } from '../src/engine/contract/log.js'
import type { MessageRef, OutgoingMessage } from '../src/engine/contract/message.js'
import { noMetrics } from '../src/engine/contract/metrics.js'
import { OUTCOME, type OutcomeCode, type OutcomeSink, type Receipt } from '../src/engine/contract/outcome.js'
import type { JobProgress } from '../src/engine/contract/thread.js'
import type { ReceiptTerms } from '../src/engine/dispatch/carrier-receipts.js'
import { Carrier } from '../src/engine/dispatch/carriers.js'
import { Dispatcher } from '../src/engine/dispatch/dispatcher.js'
import { BlockBuilder, type NewRecord } from '../src/engine/store/block.js'
import { BlockNumbers } from '../src/engine/store/block-numbers.js'
import { type Environment, openEnvironment } from '../src/engine/store/environment.js'
import { LmdbStore } from '../src/engine/store/lmdb-store.js'

/** What the scripted carrier says to a part: an outcome, or nothing at all. */
export type Answer = OutcomeCode | 'silence'

export interface Sent {
  ref: MessageRef
  part: number
  to: string
  id: string
}

export class ScriptedChannel implements Channel {
  readonly id: string
  readonly sent: Sent[] = []
  up = true
  paused = false
  window: number
  answer: (sent: Sent) => Answer = () => OUTCOME.accepted
  /** Receipt to give for an accepted part at once; null: none. */
  receipt: (sent: Sent) => OutcomeCode | null = () => OUTCOME.delivered
  /** The id under which the carrier takes its part number `n`. */
  idOf: (sent: Sent, n: number) => string = (_sent, n) => String(n)
  /** Receipts come before the answer. */
  receiptFirst = false
  acknowledged = 0
  maxOutstanding = 0
  #outstanding: Sent[] = []
  #unsettled = 0
  #sequence = 0
  #sink: OutcomeSink
  #ids: number
  keep = true
  count = 0

  constructor(id: string, sink: OutcomeSink, options: { window?: number; firstId?: number } = {}) {
    this.id = id
    this.#sink = sink
    this.window = options.window ?? 100
    this.#ids = options.firstId ?? 1
  }

  start(): void {
    this.#sink.bindChanged()
  }
  get avoided(): boolean {
    return false
  }
  /** Senders with a rate of their own: parts that each may have ahead, and whether it must wait now. */
  readonly slowSenders = new Map<string, { room: number; waits: boolean }>()
  get limitsSenders(): boolean {
    return this.slowSenders.size > 0
  }
  senderRoom(from: string): number {
    return this.slowSenders.get(from)?.room ?? Number.POSITIVE_INFINITY
  }
  senderWaitMs(from: string): number {
    return this.slowSenders.get(from)?.waits === true ? 5 : 0
  }
  get windowTotal(): number {
    return this.window
  }
  get windowNow(): number {
    return this.window
  }
  capacity(): number {
    if (!this.up || this.paused) return 0
    const room = Math.min(this.window, 2 * this.window - this.#unsettled) - this.#outstanding.length
    return Math.max(0, room)
  }
  send(message: OutgoingMessage): boolean {
    if (!this.up) return false
    for (let part = 0; part < message.partCount; part++) {
      if ((message.partsAccepted & (1 << part)) !== 0) continue
      const to = message.bytes.latin1Slice(message.toStart, message.toStart + message.toLength)
      const sent: Sent = { ref: message.ref, part, to, id: '' }
      sent.id = this.idOf(sent, this.#ids++)
      this.count++
      if (this.keep) this.sent.push(sent)
      this.#outstanding.push(sent)
    }
    this.maxOutstanding = Math.max(this.maxOutstanding, this.#outstanding.length)
    return true
  }
  sentAgoMs(ref: MessageRef): number {
    return this.#outstanding.some((sent) => sent.ref === ref) ? 0 : -1
  }
  flush(): void {}
  /** The peer answers between two ticks. */
  tick(): void {
    const answered = this.#outstanding
    this.#outstanding = []
    for (const sent of answered) {
      const answer = this.answer(sent)
      if (answer === 'silence') this.#outstanding.push(sent)
      else this.#settle(sent, answer)
    }
  }
  #settle(sent: Sent, code: OutcomeCode): void {
    const id = Buffer.from(sent.id)
    const receipt = code === OUTCOME.accepted ? this.receipt(sent) : null
    if (receipt !== null && this.receiptFirst) this.#receive(id, receipt)
    this.#unsettled++
    const idLength = code === OUTCOME.accepted ? id.length : 0
    this.#sink.settled({
      bind: 0,
      ref: sent.ref,
      part: sent.part,
      code,
      status: code === OUTCOME.rejected ? 11 : code === OUTCOME.rerouted ? 10 : 0,
      delayMs: -1,
      id,
      idStart: 0,
      idLength,
    })
    if (receipt !== null && !this.receiptFirst) this.#receive(id, receipt)
  }
  #receive(id: Buffer, code: OutcomeCode, change: Partial<Receipt> = {}): void {
    this.#sink.receipt({
      bind: 0,
      session: 1,
      sequence: ++this.#sequence,
      code,
      id,
      idStart: 0,
      idLength: id.length,
      error: '',
      source: 0,
      destination: 0,
      doneSeconds: 0,
      byText: false,
      ...change,
    })
  }
  giveReceipt(id: string, code: OutcomeCode, change: Partial<Receipt> = {}): void {
    this.#receive(Buffer.from(id), code, change)
  }
  /** The answer to a part that was given up as unanswered. */
  answerLate(sent: Sent, code: OutcomeCode): void {
    const { ref, part } = sent
    const id = Buffer.from(code === OUTCOME.accepted ? sent.id : '')
    const status = code === OUTCOME.accepted ? 0 : 0x58
    this.#sink.answeredLate({ bind: 0, ref, part, code, status, delayMs: -1, id, idStart: 0, idLength: id.length })
  }
  nextCapacityMs(): number {
    return this.#outstanding.length > 0 ? 1 : Number.POSITIVE_INFINITY
  }
  durable(_bind: number, count: number): void {
    this.#unsettled -= count
  }
  acknowledge(): void {
    this.acknowledged++
  }
  patch(change: CarrierPatch): void {
    if (change.paused !== undefined) this.paused = change.paused
  }
  view(): CarrierView {
    return {
      id: this.id,
      protocol: 'smpp',
      paused: this.paused,
      ratePerSecond: null,
      rateNowPerSecond: null,
      actions: [],
      binds: [],
    }
  }
  async drain(): Promise<void> {
    for (const sent of this.#outstanding.splice(0)) this.#settle(sent, OUTCOME.unanswered)
  }
}

export interface Harness {
  dataDir: string
  environment: Environment
  store: LmdbStore
  dispatcher: Dispatcher
  channel: ScriptedChannel
  /** Latest durable counts by job. */
  progress: Map<number, JobProgress>
  /** What is known of the carrier's ids. */
  view(): ReceiptIdView
  finished(job: number): Promise<void>
  /** Resolves when a progress report makes `seen` true. */
  until(job: number, seen: (progress: JobProgress) => boolean): Promise<JobProgress>
  /** As a kill: nothing is flushed or drained any more. */
  abandon(): Promise<void>
}

export function tempDir(t: Pick<Test, 'teardown'>): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'trunkline-test-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export function jobDispatch(job: number, accepted: number, change: Partial<JobDispatch> = {}): JobDispatch {
  return {
    job,
    account: 1,
    weight: 1,
    priority: 1,
    ratePerSecond: 0,
    accountRatePerSecond: 0,
    onUnanswered: 'resend',
    sendAtMs: 0,
    hours: null,
    state: 'running',
    accepted,
    openEnded: false,
    distinct: false,
    ...change,
  }
}

const TEXT = Buffer.from('x'.repeat(120))

export function record(n: number, change: Partial<NewRecord> = {}): NewRecord {
  return {
    channel: 0,
    coding: 0,
    shift: 0,
    wantsReceipt: true,
    isShortCode: false,
    phone: 0,
    digits: String(447_700_000_000 + n),
    dueSeconds: 0,
    expiresSeconds: 0,
    line: n,
    offset: n * 20,
    length: 20,
    partCount: 1,
    bytes: TEXT,
    partStarts: new Uint32Array([0]),
    partLengths: new Uint16Array([TEXT.length]),
    ...change,
  }
}

/** Appends `count` messages of a job on one route, durable on return. */
export function appendMessages(
  store: LmdbStore,
  job: number,
  count: number,
  change: Partial<NewRecord> & { route?: number; account?: number; from?: string } = {},
): void {
  const { route = 1, account = 1, from = 'TEST', ...records } = change
  const builder = new BlockBuilder({ job, account, route, from, createdSeconds: 1, range: null })
  const blocks = []
  for (let n = 0; n < count; n++) {
    builder.add(record(n, records))
    if (builder.full) blocks.push(builder.seal(store.numbers.take()))
    if (blocks.length === 64) store.append({ job, blocks: blocks.splice(0), range: null })
  }
  if (builder.count > 0) blocks.push(builder.seal(store.numbers.take()))
  store.append({ job, blocks, range: null })
}

export async function startDispatcher(options: {
  dataDir: string
  jobs: JobDispatch[]
  window?: number
  firstId?: number
  seed?: number
  /** Added to the wall clock: what has passed since. */
  aheadMs?: { value: number }
  /** Added to the monotonic clock. */
  laterMs?: { value: number }
  receiptTimeoutSeconds?: number
  receiptTerms?: Partial<ReceiptTerms>
  hasSpace?: () => boolean
  before?: (store: LmdbStore, channel: ScriptedChannel) => void
  makeChannel?: (sink: OutcomeSink) => ScriptedChannel
}): Promise<Harness> {
  const environment = openEnvironment(options.dataDir)
  const store = new LmdbStore(environment, new BlockNumbers({ first: LmdbStore.nextBlock(environment) }))
  const progress = new Map<number, JobProgress>()
  const finished = new Set<number>()
  let listeners: (() => void)[] = []
  const tell = () => {
    const now = listeners
    listeners = []
    for (const listener of now) listener()
  }
  let abandoned = false
  const dispatcher = new Dispatcher({
    environment,
    clock: {
      now: () => systemClock.now() + (options.aheadMs?.value ?? 0),
      monotonic: () => systemClock.monotonic() + (options.laterMs?.value ?? 0),
    },
    random: new Random(options.seed ?? 1),
    metrics: noMetrics,
    log: silentLog,
    termsOf: () => ({ carriers: [{ id: 'test', order: 1, weight: 1 }], failoverAfterMs: 0 }),
    hasSpace: () => options.hasSpace?.() ?? true,
    port: {
      progress(jobs) {
        for (const one of jobs) progress.set(one.job, one)
        tell()
      },
      inbound() {
        tell()
      },
      finished(job) {
        finished.add(job)
        tell()
      },
      fatal(error) {
        if (!abandoned) throw error
      },
    },
  })
  const sink = dispatcher.inbox.sink(0)
  const channel = options.makeChannel?.(sink) ?? new ScriptedChannel('test', sink, options)
  options.before?.(store, channel)
  const carrier = new Carrier(channel, 0, {
    terms: { request: 'final', timeoutSeconds: options.receiptTimeoutSeconds ?? 3600, ...options.receiptTerms },
    metrics: noMetrics,
  })
  await dispatcher.start([carrier], options.jobs)
  const wait = async (holds: () => boolean) => {
    while (!holds()) await new Promise<void>((resolve) => listeners.push(resolve))
  }
  return {
    dataDir: options.dataDir,
    environment,
    store,
    dispatcher,
    channel,
    progress,
    view: () => dispatcher.view(carrier).receipts!,
    finished: (job) => wait(() => finished.has(job)),
    async until(job, seen) {
      await wait(() => progress.has(job) && seen(progress.get(job)!))
      return progress.get(job)!
    },
    async abandon() {
      abandoned = true
      await dispatcher.drain(0)
      await environment.root.close()
    },
  }
}
