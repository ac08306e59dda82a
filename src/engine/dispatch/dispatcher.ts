/**
 * The dispatcher's loop: events only mark, one tick acts: outcomes → what is due → send → authorise → write → commit.
 * One per dispatcher thread; all it does on one message happens in here, on typed arrays.
 */
import { crashPoint } from '../base/crash-point.js'
import { TimeHeap } from '../base/heap.js'
import type { CarrierView } from '../contract/channel.js'
import { systemTimers, type TimerHandle, type Timers } from '../contract/clock.js'
import type { JobDispatch } from '../contract/lane.js'
import { CHANNELS, type MessageRef } from '../contract/message.js'
import { DispatchStore } from '../store/dispatch-store.js'
import { Admission } from './admission.js'
import { Board, isFinished, type JobTotals } from './board.js'
import { Cancel } from './cancel.js'
import type { ReceiptTerms } from './carrier-receipts.js'
import type { Carrier } from './carriers.js'
import { Claims } from './claims.js'
import { Commits } from './commits.js'
import type { DispatcherDeps } from './dispatcher-deps.js'
import type { EventFeed } from './event-feed.js'
import { Gates } from './gates.js'
import { Housekeeping } from './housekeeping.js'
import { Inbox } from './inbox.js'
import { Ledger, type Release } from './ledger.js'
import { Outcomes } from './outcomes.js'
import { Progress } from './progress.js'
import { PutOff } from './put-off.js'
import { Receipts } from './receipts.js'
import { type Recovered, Recovery } from './recovery.js'
import { Redaction } from './redaction.js'
import { Residents } from './residents.js'
import { Seating } from './seating.js'
import { Sender } from './sender.js'
import { Settling } from './settling.js'
import { WhyWaits } from './why-waits.js'

const COARSE_MS = 50

export class Dispatcher {
  readonly #deps: DispatcherDeps
  readonly #waiting = new TimeHeap()
  readonly #board: Board
  readonly #ledger: Ledger
  readonly #receipts: Receipts
  readonly #claims: Claims
  readonly #sender: Sender
  readonly #cancel: Cancel
  readonly settling: Settling
  readonly redaction: Redaction
  readonly #admission: Admission
  readonly #gates: Gates
  /** In the order of their sinks; one that has gone stays, since late answers name its place. */
  readonly #carriers: Carrier[] = []
  readonly #seating: Seating
  /** Why messages are not sent yet. */
  readonly whyWaits: WhyWaits
  readonly inbox = new Inbox(() => this.wake())
  readonly commits: Commits
  #outcomes!: Outcomes
  #housekeeping!: Housekeeping
  #ticking = false
  #immediate = false
  readonly #timers: Timers
  #timer: TimerHandle | null = null
  #draining = false
  #stopped = false
  readonly #progress: Progress
  readonly #putOff: PutOff

  constructor(deps: DispatcherDeps) {
    this.#deps = deps
    this.#timers = deps.timers ?? systemTimers
    this.#progress = new Progress((jobs) => deps.port.progress(jobs))
    const store = new DispatchStore(deps.environment)
    const residents = new Residents(store)
    this.#board = new Board(store, (route) => this.#seating.route(route))
    this.#ledger = new Ledger(store, this.#board, {
      residents,
      log: deps.log,
      metrics: deps.metrics,
    })
    this.#receipts = new Receipts(this.#ledger, deps.log)
    const { clock, termsOf } = deps
    this.#seating = new Seating({ clock, residents, termsOf, jobs: () => this.#board.all() })
    this.#claims = new Claims(this.#ledger, { clock, waiting: this.#waiting, seating: this.#seating })
    this.#sender = new Sender(this.#ledger, clock, this.#seating, deps.suppressions ?? null)
    const shared = { ledger: this.#ledger, seating: this.#seating, carriers: this.#carriers, clock }
    this.#gates = new Gates({ ...shared, sender: this.#sender })
    this.#admission = new Admission(this.#board, this.#claims, this.#seating)
    this.#cancel = new Cancel(this.#ledger, this.#claims, deps.clock)
    this.redaction = new Redaction(this.#ledger, this.#receipts, () => this.wake())
    this.settling = new Settling(this.#ledger, this.#seating, { clock, loop: this })
    this.#putOff = new PutOff(this.#ledger, this.#seating, { waiting: this.#waiting, clock })
    this.whyWaits = new WhyWaits({ ...shared, waiting: this.#waiting })
    this.commits = new Commits(this.#ledger, {
      ...deps,
      released: (release) => this.#release(release),
      failed: (error) => this.#failed(error),
    })
  }

  /** Carriers in the order of their sinks (`inbox.sink(index)`). Recovers, then starts. */
  async start(carriers: Carrier[], jobs: JobDispatch[]): Promise<Recovered> {
    const { clock, random, metrics } = this.#deps
    for (const carrier of carriers) this.#enter(carrier)
    this.#outcomes = new Outcomes({
      ledger: this.#ledger,
      receipts: this.#receipts,
      carriers: this.#carriers,
      seating: this.#seating,
      waiting: this.#waiting,
      clock,
      random,
      metrics,
      takesInbound: () => this.#takesInbound(),
      inboundKept: () => this.#deps.port.inbound(),
    })
    this.#housekeeping = new Housekeeping({
      ledger: this.#ledger,
      claims: this.#claims,
      seating: this.#seating,
      receipts: this.#receipts,
      carriers: this.#carriers,
      clock,
      metrics,
    })
    for (const job of jobs) this.#gates.enter(this.#board.register(job), clock.now())
    const rest = { clock, metrics, seating: this.#seating, putOff: this.#putOff }
    const recovery = new Recovery(this.#ledger, this.#receipts, rest)
    const recovered = await recovery.run()
    this.commits.caughtUp()
    for (const job of jobs) this.job(job)
    for (const carrier of carriers) carrier.channel.start()
    this.wake()
    return recovered
  }

  #enter(carrier: Carrier): void {
    this.#carriers.push(carrier)
    this.#seating.enter(carrier)
    this.#ledger.carrierChannels.set(carrier.number, CHANNELS.indexOf(carrier.carries))
    this.#knowReceipts(carrier)
  }
  #knowReceipts({ number, channel, terms, pipeline }: Carrier): void {
    this.#receipts.carrier(number, channel.id, { terms, isQuiet: () => pipeline.handed === 0 })
  }

  /** The carrier as it is now, with what is known of its receipts. */
  view({ channel, number }: Carrier): CarrierView {
    return { ...channel.view(), receipts: this.#receipts.view(number) }
  }

  /** Index of the sink of the carrier that is added next. */
  get nextSink(): number {
    return this.#carriers.length
  }

  /** A carrier that came with a changed configuration: routes may name it from now on. */
  add(carrier: Carrier): void {
    this.#enter(carrier)
    carrier.channel.start()
    this.wake()
  }

  /** A carrier is gone from the configuration: what it has in flight is answered first. */
  async remove(id: string, deadlineMs: number): Promise<void> {
    const carrier = this.#seating.leave(id)
    if (carrier === undefined) return
    this.#sender.withdrawAll(carrier)
    this.#seating.update()
    this.wake()
    await carrier.channel.drain(deadlineMs)
  }

  /** Another configuration reads the carrier's receipts differently, or awaits them for another time. */
  changeTerms(carrier: Carrier, terms: ReceiptTerms): void {
    carrier.terms = terms
    this.#knowReceipts(carrier)
  }

  /** `termsOf` says something else now. */
  routesChanged(): void {
    this.#seating.rebuild()
    this.wake()
  }

  /** A job is released or its settings changed. */
  job(dispatch: JobDispatch): void {
    this.#deps.environment.root.resetReadTxn()
    const totals = this.#board.register(dispatch)
    this.#gates.enter(totals, this.#deps.clock.now())
    for (const route of this.#ledger.store.routes(dispatch.job)) {
      const lane = this.#board.lane(dispatch.job, route)
      if (lane !== null) lane.mayHaveBlocks = true
    }
    this.#gates.apply(totals)
    if (dispatch.state === 'canceled') this.#cancel.job(totals)
    this.#housekeeping.countScheduled(totals)
    this.#board.touch(totals)
    this.wake()
  }

  /** New blocks of an open-ended job. */
  appended(job: number, route: number): void {
    this.#deps.environment.root.resetReadTxn()
    const lane = this.#board.lane(job, route)
    if (lane === null) return
    lane.mayHaveBlocks = true
    this.#seating.refresh(lane)
    this.wake()
  }

  /** Subscribers' messages up to this key were read, and what follows from them is in effect. */
  heard(key: number): void {
    this.#ledger.unheard.heard(key)
    this.wake()
  }

  /** Of a message that a channel has and has not begun to send: nothing has come between. */
  mayStillGo(ref: MessageRef): boolean {
    return this.#sender.mayStillGo(ref)
  }

  /** Of a message of which parts were sent: neither its hours are over, nor has its recipient opted out. */
  mayGoOn(ref: MessageRef): boolean {
    return this.#sender.mayGoOn(ref)
  }

  carrier(id: string): Carrier | undefined {
    return this.#seating.carrier(id)
  }

  /** Current states of blocks, once everything in them is durable; null = never claimed. */
  states(blocks: number[], answer: (states: (Uint8Array | null)[]) => void): void {
    const states = blocks.map((block) => this.#ledger.residents.state(block)?.encode() ?? null)
    this.#ledger.whenDurable(() => answer(states))
    this.wake()
  }

  /** What webhooks are told. */
  get feed(): EventFeed {
    return this.#ledger.feed
  }

  /** Asks for a tick at the end of this turn of the event loop. */
  wake(): void {
    if (this.#immediate || this.#stopped) return
    this.#immediate = true
    this.#timers.soon(this.#turn)
  }

  readonly #onTimer = (): void => this.#tick()

  readonly #turn = (): void => {
    this.#immediate = false
    this.#tick()
  }

  #tick(): void {
    if (this.#ticking || this.#stopped) return
    this.#ticking = true
    try {
      this.#work()
    } catch (error) {
      this.#failed(error)
    }
    this.#ticking = false
    this.#arm()
  }

  #work(): void {
    const monotonicMs = this.#deps.clock.monotonic()
    for (const carrier of this.#carriers) carrier.channel.tick(monotonicMs)
    if (this.inbox.bindsChanged) {
      this.inbox.bindsChanged = false
      this.#seating.update()
    }
    this.#gates.turn(this.#deps.clock.now())
    this.#outcomes.process(this.inbox)
    this.#putOff.dueNow()
    this.#housekeeping.run(monotonicMs, this.#board.all())
    this.#seating.refreshTouched()
    for (const carrier of this.#carriers) this.#serve(carrier, monotonicMs)
    for (const carrier of this.#carriers) carrier.channel.flush()
    this.#commit()
    this.#progress.tick(monotonicMs)
  }

  #serve(carrier: Carrier, monotonicMs: number): void {
    carrier.nowMs = monotonicMs
    const isLeft = this.#seating.isLeft(carrier)
    if (isLeft && carrier.isHeldBack) carrier.hasRoom(carrier.channel.capacity(monotonicMs) > 0)
    if (!this.#draining && carrier.channel.up && !isLeft) {
      if (this.#sender.send(carrier, this.commits.durable, monotonicMs)) this.wake()
      this.#admission.authorise(carrier, monotonicMs)
    } else if (carrier.pipeline.size > 0) {
      // Not written yet: another carrier, or a later start, may have them.
      this.#sender.withdrawAll(carrier)
    }
  }

  #commit(): void {
    if (!this.commits.isDue) return
    this.#housekeeping.noteAwaited()
    this.commits.begin()
  }

  #failed(error: unknown): void {
    this.#stopped = true
    this.#deps.port.fatal(error)
  }

  /** Not when the disk is nearly full, nor while it takes longer over a commit than carriers wait for an answer. */
  #takesInbound(): boolean {
    return !this.commits.isStalled && this.#deps.hasSpace()
  }

  #release(release: Release): void {
    const { acks } = release
    for (let row = 0; row < acks.count; row++) {
      const { channel } = this.#carriers[acks.channel[row]!]!
      channel.acknowledge(acks.bind[row]!, acks.session[row]!, acks.sequence[row]!, true)
    }
    for (const [key, count] of release.settled) {
      this.#carriers[Math.floor(key / 65_536)]!.channel.durable(key % 65_536, count)
    }
    for (const job of release.jobs) {
      const { totals, states, sentFinal } = job
      this.#progress.note(job)
      if (!totals.finishedPosted && isFinished(totals.dispatch, states, sentFinal)) {
        totals.finishedPosted = true
        this.#progress.postNow()
        this.#deps.port.finished(totals.number)
        this.#retire(totals)
      }
    }
    for (const work of release.after) work()
    this.#ledger.trim(this.commits.durable)
    this.wake()
  }

  /** Nothing of a finished job stays in memory; a late receipt reads its counts from the store again. */
  #retire(totals: JobTotals): void {
    for (const lane of totals.lanes.values()) {
      this.#seating.forget(lane)
      this.#claims.forget(lane)
    }
    this.#gates.forget(totals)
    this.#board.forget(totals)
  }

  /** One coarse timer: the next moment at which time alone lets something happen. */
  #arm(): void {
    if (this.#timer !== null) this.#timers.stop(this.#timer)
    if (this.#stopped) return
    const monotonicMs = this.#deps.clock.monotonic()
    const nowMs = this.#deps.clock.now()
    let delay = Math.min(COARSE_MS, this.#waiting.nextTime - nowMs, this.#gates.nextMs - nowMs)
    delay = Math.min(delay, this.commits.waitMs)
    for (const carrier of this.#carriers) {
      if (carrier.pipeline.size > 0) delay = Math.min(delay, carrier.nextMs(monotonicMs))
      if (carrier.channel.nextTickMs !== undefined) delay = Math.min(delay, carrier.channel.nextTickMs(monotonicMs))
    }
    this.#timer = this.#timers.after(Math.max(1, delay), this.#onTimer)
  }

  /** Stops handing out, lets open responses come in, unbinds, and leaves everything durable. */
  async drain(deadlineMs: number): Promise<void> {
    this.#draining = true
    this.#tick()
    await Promise.all(this.#carriers.map((carrier) => carrier.channel.drain(deadlineMs)))
    const isAnswered = this.commits.isIdle && this.inbox.inbound.length === 0 && !this.#ledger.owesAnswers
    this.#outcomes.process(this.inbox)
    if (isAnswered) this.#ledger.noteDrained()
    crashPoint('stop-drained')
    this.#stopped = true
    if (this.#timer !== null) this.#timers.stop(this.#timer)
    this.#housekeeping.noteAwaited()
    const release = await this.#ledger.flush(true)
    for (const job of release.jobs) this.#progress.note(job)
    this.#progress.postNow()
    for (const work of release.after) work()
  }
}
