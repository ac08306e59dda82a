/**
 * The one place where message states change: applies an entry, counts the change, and keeps it in the batch that the
 * next commit makes durable. Everything that must not happen before that commit waits here too.
 */
import { limits } from '../contract/limits.js'
import type { Log } from '../contract/log.js'
import { CHANNELS, type MessageRef, placeOf, STATE, STATES } from '../contract/message.js'
import type { Counter, Metrics } from '../contract/metrics.js'
import { type Inbound, OUTCOME, type OutcomeCode } from '../contract/outcome.js'
import { type ReasonCode, reasonNumber } from '../contract/reasons.js'
import type { Commit, MovedBlock, QueuedBlock } from '../contract/store.js'
import type { BlockState } from '../store/block-state.js'
import { carrierNames } from '../store/carrier-names.js'
import { type DispatchStore, emptyCommit } from '../store/dispatch-store.js'
import { blankEntry, type Entry, NO_CARRIER, NO_ID, WHOLE_MESSAGE } from '../store/entry.js'
import { EventLog } from '../store/event-log.js'
import { type InboundRecord, sealInbound } from '../store/inbound-record.js'
import { OutcomeBatch } from '../store/outcome-log.js'
import { RunMark } from '../store/run-mark.js'
import { TalkIndex } from '../store/talk-index.js'
import { type Ack, Acks } from './acks.js'
import type { Board, JobTotals } from './board.js'
import { EventFeed } from './event-feed.js'
import type { Residents } from './residents.js'
import { Unheard } from './unheard.js'

const SNAPSHOT_EVERY = 64
const SNAPSHOT_BYTES = 8 << 20

/** What the world may learn once a commit is on disk. */
export interface Release {
  sequence: number
  acks: Acks
  /** channel × 65,536 + bind → settlements. */
  settled: Map<number, number>
  jobs: { totals: JobTotals; states: number[]; partsSent: number; sentFinal: number }[]
  after: (() => void)[]
}

export class Ledger {
  readonly store: DispatchStore
  readonly board: Board
  readonly residents: Residents
  readonly log: Log
  /** What webhooks are told. */
  readonly feed: EventFeed
  /** Who wrote last to whom: entered beside the outcome that says so. */
  readonly talks: TalkIndex
  readonly #metrics: Metrics
  readonly #run: RunMark
  readonly #stateCounters = new Map<number, Counter>()
  /** Number of a carrier → number of the channel that it carries. */
  readonly carrierChannels = new Map<number, number>()
  readonly unheard = new Unheard()
  readonly entry: Entry = blankEntry()
  commit: Commit = emptyCommit()
  readonly #batch = new OutcomeBatch()
  #acks = new Acks()
  #settled = new Map<number, number>()
  #after: (() => void)[] = []
  #sinceSnapshot = 0
  #bytesSinceSnapshot = 0
  /** Blocks that were claimed or canceled, which no commit has taken yet or whose commit is under way. */
  readonly claiming = new Set<number>()
  /** The same of blocks that are moved to another due time. */
  readonly moving = new Map<number, MovedBlock>()

  constructor(store: DispatchStore, board: Board, deps: { residents: Residents; log: Log; metrics: Metrics }) {
    const { residents, log, metrics } = deps
    this.#metrics = metrics
    this.store = store
    this.log = log
    this.board = board
    this.residents = residents
    this.feed = new EventFeed(new EventLog(store.environment), (block) => residents.body(block)?.account ?? -1)
    this.talks = new TalkIndex(store.environment)
    this.#run = new RunMark(store.environment)
    this.commit.notes.push(this.#run.begun())
  }

  /** Sequence of the commit that will carry what is recorded now. */
  get nextSequence(): number {
    return this.store.sequence + 1
  }

  /** Clears the shared entry for one of our own making. */
  own(code: OutcomeCode, ref: MessageRef, atMs: number): Entry {
    const { entry } = this
    entry.code = code
    entry.part = WHOLE_MESSAGE
    entry.attempt = 0
    entry.place = placeOf(ref)
    entry.carrier = NO_CARRIER
    entry.bind = 0
    entry.status = 0
    entry.atMs = atMs
    entry.flags = 0
    entry.id = NO_ID
    entry.idLength = 0
    entry.error = ''
    return entry
  }

  /** Applies `entry`, a single message's, and counts what it changed. */
  record(state: BlockState, entry: Entry): void {
    const { place } = entry
    const before = state.states[place]!
    const finalBefore = state.final[place]!
    const partsBefore = state.accepted[place]!
    state.apply(entry)
    this.#batch.add(state.block, entry)
    const after = state.states[place]!
    const totals = this.board.totals(state.job)
    if (state.accepted[place] !== partsBefore) totals.counts.partsSent++
    if (before !== after || finalBefore !== state.final[place]) {
      const { counts } = totals
      counts.states[before]!--
      counts.states[after]!++
      if (before === STATE.sent && finalBefore === 1) counts.sentFinal--
      if (before === STATE.scheduled) totals.putOff--
      if (after === STATE.scheduled) totals.putOff++
      if (after === STATE.sent && state.final[place] === 1) counts.sentFinal++
      if (before !== after) this.#stateCounter(state, entry, after).add(1)
      if (this.feed.isOn) this.feed.changed(state, entry, totals)
    }
    this.board.touch(totals)
    if (state.final[place] === finalBefore) return
    if (finalBefore === 1) this.#openAgain(state)
    else if (state.done) this.close(state, entry.atMs)
  }

  /** Counts messages as they enter a state; single look-ups, since labels are strings. */
  #stateCounter(of: BlockState, { carrier, place }: Entry, state: number): Counter {
    const channel = this.carrierChannels.get(carrier) ?? this.#channelOf(of, place)
    const key = (carrier * CHANNELS.length + channel) * 256 + state
    let counter = this.#stateCounters.get(key)
    if (counter === undefined) {
      const name = CHANNELS[channel] ?? 'sms'
      const labels = { channel: name, carrier: this.#carrierName(carrier), state: STATES[state] ?? 'none' }
      counter = this.#metrics.counter('trunkline_messages_total', labels)
      this.#stateCounters.set(key, counter)
    }
    return counter
  }

  /** Number of the channel by which the message goes. */
  #channelOf({ block }: BlockState, place: number): number {
    return this.residents.body(block)?.facts(place).channel ?? 0
  }

  #carrierName(carrier: number): string {
    return carrier === NO_CARRIER ? 'none' : (carrierNames(this.store.environment)[carrier] ?? 'none')
  }

  /** `count` messages from `place` on may be sent (or may not, after all: withdrawn). All are in the state that this changes. */
  recordRun(
    state: BlockState,
    code: OutcomeCode,
    run: { place: number; count: number; carrier: number; atMs: number },
  ): void {
    const entry = this.own(code, run.place as MessageRef, run.atMs)
    entry.place = run.place
    entry.part = 0
    entry.status = run.count
    entry.carrier = run.carrier
    const totals = this.board.totals(state.job)
    const sign = code === OUTCOME.authorised ? 1 : -1
    totals.counts.states[STATE.queued]! -= run.count * sign
    totals.counts.states[STATE.sending]! += run.count * sign
    this.board.touch(totals)
    state.apply(entry)
    this.#batch.add(state.block, entry)
  }

  /** A call that was put off is due: its message waits in its lane from now on. */
  due(state: BlockState, ref: MessageRef, atMs: number): void {
    const entry = this.own(OUTCOME.due, ref, atMs)
    entry.part = 0
    entry.status = 1
    const totals = this.board.totals(state.job)
    totals.counts.states[STATE.scheduled]!--
    totals.counts.states[STATE.queued]!++
    totals.putOff--
    this.board.touch(totals)
    state.apply(entry)
    this.#batch.add(state.block, entry)
  }

  /** Ends a message for a reason of our own. */
  fail(state: BlockState, ref: MessageRef, reason: ReasonCode, atMs: number): void {
    const entry = this.own(OUTCOME.rejected, ref, atMs)
    entry.attempt = reasonNumber(reason)
    this.record(state, entry)
  }

  /** All its messages are final. Where some are `sent`, their receipts are awaited a while longer, also after a restart. */
  close(state: BlockState, atMs: number): void {
    this.commit.closed.push(state.block)
    if (state.awaitsLate) this.commit.late.push([Math.floor(atMs / 1000) + limits.lateReceiptSeconds, state.block])
  }

  #openAgain(state: BlockState): void {
    const { commit } = this
    commit.closed = commit.closed.filter((block) => block !== state.block)
    commit.opened.push({ block: state.block, job: state.job })
  }

  /** `key`: job, route, due, block. */
  claim(key: number[]): void {
    const [job, , , block] = key as [number, number, number, number]
    this.commit.claimed.push(key)
    this.commit.opened.push({ block, job })
    this.claiming.add(block)
  }

  /** An unclaimed block waits for another time. */
  move(moved: MovedBlock): void {
    this.commit.moved.push(moved)
    this.moving.set(moved.key[3]!, moved)
  }

  /** A block whose head is damaged: its messages fail together, since none can be told apart. */
  quarantine(job: number, queued: QueuedBlock, atMs: number): void {
    const totals = this.board.totals(job)
    totals.counts.states[STATE.failed]! += queued.messages
    this.board.touch(totals)
    this.commit.closed.push(queued.block)
    this.commit.lost.push({ block: queued.block, job })
    this.feed.quarantined(totals, queued, atMs)
    this.log.error({ job, block: queued.block, messages: queued.messages }, 'a block is damaged; its messages failed')
  }

  /** A subscriber's message, as it came. */
  keepInbound(inbound: Inbound, kept: Pick<InboundRecord, 'carrier' | 'atMs' | 'replied'>): void {
    const { run, doubtFrom } = this.#run
    const bytes = sealInbound(inbound, { ...kept, run, doubtFrom })
    const key = this.store.nextInbound()
    this.commit.inbound.push({ key, bytes })
    this.unheard.add(inbound, key)
  }

  /** Every carrier has the answers to what it delivered: nothing of this run comes again. */
  noteDrained(): void {
    this.commit.notes.push(this.#run.drained())
  }

  get owesAnswers(): boolean {
    return this.#acks.count > 0
  }

  /** The answer to a receipt or inbound message goes out when this batch is durable. */
  acknowledge(ack: Ack): void {
    this.#acks.add(ack)
  }

  /** A settlement of (channel, bind) is in this batch. */
  countSettled(channel: number, bind: number): void {
    const key = channel * 65_536 + bind
    this.#settled.set(key, (this.#settled.get(key) ?? 0) + 1)
  }

  /** Runs when everything recorded so far is durable. */
  whenDurable(work: () => void): void {
    this.#after.push(work)
  }

  /** Entries that the next commit takes. */
  get recorded(): number {
    return this.#batch.count
  }

  get hasWork(): boolean {
    const { commit } = this
    return (
      this.#batch.count > 0 ||
      this.#acks.count > 0 ||
      this.#after.length > 0 ||
      this.board.dirty.length > 0 ||
      commit.claimed.length > 0 ||
      commit.orphans.length > 0 ||
      commit.orphansDone.length > 0 ||
      commit.inbound.length > 0 ||
      commit.awaiting.length > 0 ||
      commit.awaitingDone.length > 0 ||
      commit.lateDone.length > 0 ||
      commit.segments.length > 0
    )
  }

  /** Something was committed since states were stored the last time. */
  get owesSnapshot(): boolean {
    return this.#sinceSnapshot > 0
  }

  /** Hands everything recorded to the store; resolves with what may be released. @throws EngineError STORE_FAILED. */
  async flush(snapshot = false): Promise<Release> {
    const { commit } = this
    this.commit = emptyCommit()
    this.#bytesSinceSnapshot += this.#batch.length
    commit.log = this.#batch.count > 0 ? this.#batch.seal() : null
    commit.events = this.feed.take()
    const { talks, durable: talksDurable } = this.talks.seal()
    commit.talks = talks
    if (snapshot || ++this.#sinceSnapshot >= SNAPSHOT_EVERY || this.#bytesSinceSnapshot > SNAPSHOT_BYTES) {
      commit.snapshots = this.residents.takeDirty()
      commit.truncate = true
      this.#sinceSnapshot = 0
      this.#bytesSinceSnapshot = 0
    }
    const release = this.#release(commit)
    release.sequence = await this.store.commit(commit)
    for (const key of commit.claimed) this.claiming.delete(key[3]!)
    for (const moved of commit.moved) {
      if (this.moving.get(moved.key[3]!) === moved) this.moving.delete(moved.key[3]!)
    }
    talksDurable()
    if (commit.events.length > 0) this.feed.onDurable(commit.events.map(({ key }) => key[0]!))
    return release
  }

  #release(commit: Commit): Release {
    const release: Release = { sequence: 0, acks: this.#acks, settled: this.#settled, jobs: [], after: this.#after }
    for (const totals of this.board.dirty) {
      totals.dirty = false
      const { counts } = totals
      commit.counts.set(totals.number, counts)
      release.jobs.push({
        totals,
        states: [...counts.states],
        partsSent: counts.partsSent,
        sentFinal: counts.sentFinal,
      })
    }
    this.board.dirty.length = 0
    this.#acks = new Acks()
    this.#settled = new Map()
    this.#after = []
    return release
  }

  /** Keeps memory bounded between batches. */
  trim(durable: number): void {
    this.residents.trim(limits.blockStatesResident, durable)
  }
}
