/**
 * The dispatcher's loop: events only mark, one tick acts: outcomes → what is due → send → authorise → write → commit.
 * One per dispatcher thread; all it does on one message happens in here, on typed arrays.
 */
import { TimeHeap } from '../base/heap.js'
import type { Random } from '../base/random.js'
import type { Clock } from '../contract/clock.js'
import type { JobDispatch } from '../contract/lane.js'
import { limits } from '../contract/limits.js'
import type { Log } from '../contract/log.js'
import { blockOf, type MessageRef } from '../contract/message.js'
import type { Metrics } from '../contract/metrics.js'
import type { JobProgress } from '../contract/thread.js'
import type { Lane } from '../schedule/lane.js'
import { preferredCarrier } from '../schedule/routes.js'
import { DispatchStore } from '../store/dispatch-store.js'
import type { Environment } from '../store/environment.js'
import { Board, isFinished, type JobTotals } from './board.js'
import { Cancel } from './cancel.js'
import type { Carrier } from './carriers.js'
import { Claims } from './claims.js'
import { Housekeeping } from './housekeeping.js'
import { Inbox } from './inbox.js'
import { Ledger, type Release } from './ledger.js'
import { Outcomes } from './outcomes.js'
import { Receipts } from './receipts.js'
import { type Recovered, Recovery } from './recovery.js'
import { Residents } from './residents.js'
import { Sender } from './sender.js'

const COARSE_MS = 50
const PROGRESS_MS = 100
/** Parts one lane takes before the next one's turn, so that a tick stays short. */
const LANE_PARTS = 64

/** How the loop speaks to the main thread. */
export interface DispatcherPort {
  progress(jobs: JobProgress[]): void
  finished(job: number): void
  /** The process must stop. */
  fatal(error: unknown): void
}

export interface DispatcherDeps {
  environment: Environment
  clock: Clock
  random: Random
  metrics: Metrics
  log: Log
  port: DispatcherPort
  carriersOf(route: number): string[]
}

export class Dispatcher {
  readonly #deps: DispatcherDeps
  readonly #waiting = new TimeHeap()
  readonly #board: Board
  readonly #ledger: Ledger
  readonly #receipts: Receipts
  readonly #claims: Claims
  readonly #sender: Sender
  readonly #cancel: Cancel
  readonly #carriers: Carrier[] = []
  readonly #byName = new Map<string, Carrier>()
  readonly inbox = new Inbox(() => this.wake())
  readonly #commitSeconds
  #outcomes!: Outcomes
  #housekeeping!: Housekeeping
  #ticking = false
  #immediate = false
  #timer: NodeJS.Timeout | null = null
  #committing = 0
  #durable = 0
  #draining = false
  #stopped = false
  readonly #changed = new Map<JobTotals, JobProgress>()
  #progressAt = 0

  constructor(deps: DispatcherDeps) {
    this.#deps = deps
    const store = new DispatchStore(deps.environment)
    this.#board = new Board(store, deps.carriersOf)
    this.#ledger = new Ledger(store, this.#board, {
      residents: new Residents(store),
      log: deps.log,
      metrics: deps.metrics,
    })
    this.#receipts = new Receipts(this.#ledger, deps.log)
    this.#claims = new Claims(this.#ledger, deps.clock, this.#waiting)
    this.#sender = new Sender(this.#ledger, deps.clock)
    this.#cancel = new Cancel(this.#ledger, this.#claims, deps.clock)
    this.#commitSeconds = deps.metrics.histogram('trunkline_store_commit_seconds')
    this.#durable = store.sequence
  }

  /** Carriers in the order of their sinks (`inbox.sink(index)`). Recovers, then starts. */
  async start(carriers: Carrier[], jobs: JobDispatch[]): Promise<Recovered> {
    const { clock, random, metrics } = this.#deps
    for (const carrier of carriers) {
      this.#carriers.push(carrier)
      this.#byName.set(carrier.channel.id, carrier)
    }
    this.#outcomes = new Outcomes({
      ledger: this.#ledger,
      receipts: this.#receipts,
      carriers: this.#carriers,
      waiting: this.#waiting,
      clock,
      random,
      metrics,
    })
    this.#housekeeping = new Housekeeping({
      ledger: this.#ledger,
      claims: this.#claims,
      receipts: this.#receipts,
      carriers: this.#carriers,
      clock,
      metrics,
    })
    for (const job of jobs) this.#board.register(job)
    const recovery = new Recovery(this.#ledger, this.#receipts, { clock, metrics })
    const recovered = await recovery.run()
    this.#durable = this.#ledger.store.sequence
    for (const job of jobs) this.job(job)
    for (const carrier of carriers) carrier.channel.start()
    this.wake()
    return recovered
  }

  /** A job is released or its settings changed. */
  job(dispatch: JobDispatch): void {
    this.#deps.environment.root.resetReadTxn()
    const totals = this.#board.register(dispatch)
    for (const route of this.#ledger.store.routes(dispatch.job)) {
      const lane = this.#board.lane(dispatch.job, route)
      if (lane !== null) lane.mayHaveBlocks = true
    }
    for (const lane of totals.lanes.values()) this.#reseat(lane)
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
    if (lane.carrier === null) this.#reseat(lane)
    else this.#refresh(lane)
    this.wake()
  }

  carrier(id: string): Carrier | undefined {
    return this.#byName.get(id)
  }

  /** Current states of blocks, once everything in them is durable; null = never claimed. */
  states(blocks: number[], answer: (states: (Uint8Array | null)[]) => void): void {
    const states = blocks.map((block) => this.#ledger.residents.state(block)?.encode() ?? null)
    this.#ledger.whenDurable(() => answer(states))
    this.wake()
  }

  /** Asks for a tick at the end of this turn of the event loop. */
  wake(): void {
    if (this.#immediate || this.#stopped) return
    this.#immediate = true
    setImmediate(() => {
      this.#immediate = false
      this.#tick()
    })
  }

  #tick(): void {
    if (this.#ticking || this.#stopped) return
    this.#ticking = true
    try {
      this.#work()
    } catch (error) {
      this.#stopped = true
      this.#deps.port.fatal(error)
    }
    this.#ticking = false
    this.#arm()
  }

  #work(): void {
    const monotonicMs = this.#deps.clock.monotonic()
    for (const carrier of this.#carriers) carrier.channel.tick(monotonicMs)
    if (this.inbox.bindsChanged) {
      this.inbox.bindsChanged = false
      this.#reseatAll()
    }
    this.#outcomes.process(this.inbox)
    this.#dueNow()
    this.#housekeeping.run(monotonicMs, this.#board.all(), (lane) => this.#refresh(lane))
    for (const carrier of this.#carriers) this.#serve(carrier, monotonicMs)
    for (const carrier of this.#carriers) carrier.channel.flush()
    this.#commit()
    this.#postProgress(monotonicMs)
  }

  #serve(carrier: Carrier, monotonicMs: number): void {
    if (!this.#draining && carrier.channel.up) {
      this.#sender.send(carrier, this.#durable, monotonicMs)
      this.#authorise(carrier, monotonicMs)
    } else if (carrier.pipeline.size > 0) {
      // Not written yet: another carrier, or a later start, may have them.
      this.#sender.withdrawAll(carrier)
    }
  }

  /** Lets lanes in by fair share until enough is authorised ahead. */
  #authorise(carrier: Carrier, monotonicMs: number): void {
    const { ahead } = carrier
    for (let grant = carrier.queue.next(); grant !== null; grant = carrier.queue.next()) {
      const { lane } = grant
      const room = carrier.room(lane.job.onUnanswered, ahead)
      if (room <= 0) return
      const { limiter } = this.#board.totals(lane.job.job)
      const allowed = limiter === null ? Number.POSITIVE_INFINITY : limiter.available(monotonicMs)
      const want = Math.min(room, grant.parts, LANE_PARTS, allowed)
      const taken = want <= 0 ? 0 : this.#claims.take(lane, want, carrier)
      if (taken > 0) limiter?.take(taken, monotonicMs)
      carrier.queue.spend(taken)
      if (taken === 0) {
        if (allowed > 0 && lane.ready) continue
        carrier.queue.deactivate(lane)
      }
    }
  }

  #dueNow(): void {
    const nowMs = this.#deps.clock.now()
    while (this.#waiting.nextTime <= nowMs) {
      const ref = this.#waiting.pop() as MessageRef
      const state = this.#ledger.residents.state(blockOf(ref))
      if (state === null) continue
      const lane = this.#board.lane(state.job, state.route)
      if (lane === null) continue
      lane.giveBack(ref)
      this.#refresh(lane)
    }
  }

  /** Puts a lane into the fair queue of its carrier, or takes it out, as its job, carrier and content say. */
  #refresh(lane: Lane): void {
    const { job, carrier } = lane
    const queue = carrier === null ? undefined : this.#byName.get(carrier)?.queue
    if (queue === undefined) return
    const wanted = job.state === 'running' && job.sendAtMs <= this.#deps.clock.now() && lane.ready
    if (wanted) queue.activate(lane)
    else queue.deactivate(lane)
  }

  /** Finds the lane's carrier anew, since carriers come and go and priorities change. */
  #reseat(lane: Lane): void {
    const before = lane.carrier === null ? undefined : this.#byName.get(lane.carrier)
    before?.queue.deactivate(lane)
    lane.carrier = preferredCarrier(lane.carriers, (id) => this.#byName.get(id)?.channel.up === true)
    this.#refresh(lane)
  }

  #reseatAll(): void {
    for (const totals of this.#board.all()) for (const lane of totals.lanes.values()) this.#reseat(lane)
  }

  #commit(): void {
    if (this.#committing >= limits.commitsOutstanding || !this.#ledger.hasWork) return
    this.#housekeeping.noteAwaited()
    this.#committing++
    const startedMs = this.#deps.clock.monotonic()
    this.#ledger.flush().then(
      (release) => {
        this.#committing--
        this.#commitSeconds.observe((this.#deps.clock.monotonic() - startedMs) / 1000)
        this.#release(release)
      },
      (error) => {
        this.#stopped = true
        this.#deps.port.fatal(error)
      },
    )
  }

  #release(release: Release): void {
    this.#durable = Math.max(this.#durable, release.sequence)
    for (const { channel, bind, session, sequence } of release.acks) {
      this.#carriers[channel]!.channel.acknowledge(bind, session, sequence, true)
    }
    for (const [key, count] of release.settled) {
      this.#carriers[Math.floor(key / 65_536)]!.channel.durable(key % 65_536, count)
    }
    for (const { totals, states, partsSent, sentFinal } of release.jobs) {
      this.#changed.set(totals, { job: totals.number, states, partsSent })
      if (!totals.finishedPosted && isFinished(totals.dispatch, states, sentFinal)) {
        totals.finishedPosted = true
        this.#postProgressNow()
        this.#deps.port.finished(totals.number)
        this.#retire(totals)
      }
    }
    for (const work of release.after) work()
    this.#ledger.trim(this.#durable)
    this.wake()
  }

  /** Nothing of a finished job stays in memory; a late receipt reads its counts from the store again. */
  #retire(totals: JobTotals): void {
    for (const lane of totals.lanes.values()) {
      if (lane.carrier !== null) this.#byName.get(lane.carrier)?.queue.deactivate(lane)
      this.#claims.forget(lane)
    }
    this.#board.forget(totals)
  }

  #postProgress(monotonicMs: number): void {
    if (this.#changed.size === 0 || monotonicMs - this.#progressAt < PROGRESS_MS) return
    this.#progressAt = monotonicMs
    this.#postProgressNow()
  }
  #postProgressNow(): void {
    this.#deps.port.progress([...this.#changed.values()])
    this.#changed.clear()
  }

  /** One coarse timer: the next moment at which time alone lets something happen. */
  #arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#stopped) return
    const monotonicMs = this.#deps.clock.monotonic()
    let delay = Math.min(COARSE_MS, this.#waiting.nextTime - this.#deps.clock.now())
    for (const carrier of this.#carriers) {
      if (carrier.pipeline.size > 0) delay = Math.min(delay, carrier.channel.nextCapacityMs(monotonicMs))
    }
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, delay))
  }

  /** Stops handing out, lets open responses come in, unbinds, and leaves everything durable. */
  async drain(deadlineMs: number): Promise<void> {
    this.#draining = true
    this.#tick()
    await Promise.all(this.#carriers.map((carrier) => carrier.channel.drain(deadlineMs)))
    this.#outcomes.process(this.inbox)
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#housekeeping.noteAwaited()
    const release = await this.#ledger.flush(true)
    for (const { totals, states, partsSent } of release.jobs) {
      this.#changed.set(totals, { job: totals.number, states, partsSent })
    }
    this.#postProgressNow()
    for (const work of release.after) work()
  }
}
