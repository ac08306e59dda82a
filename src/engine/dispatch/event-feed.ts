/**
 * Gathers the message events of accounts that have webhooks: they become durable in the commit of the outcomes that they
 * tell of. An account without webhooks pays one look at an empty set. Dispatcher thread.
 */
import { STATE } from '../contract/message.js'
import { OUTCOME } from '../contract/outcome.js'
import { reasonNumber } from '../contract/reasons.js'
import type { BlockState } from '../store/block-state.js'
import { BY_RECEIPT, type Entry, NO_CARRIER, WHOLE_MESSAGE } from '../store/entry.js'
import { EventBatch, type EventLog, type StateChange } from '../store/event-log.js'
import type { JobTotals } from './board.js'

const CANCELED = reasonNumber('CANCELED_BY_CUSTOMER')
const CORRUPT = reasonNumber('RECORD_CORRUPT')

export class EventFeed {
  readonly #log: EventLog
  /** Of a block, for jobs that are over and whose account is therefore not at hand; -1: gone. */
  readonly #accountOf: (block: number) => number
  readonly #batches = new Map<number, EventBatch>()
  readonly #touched = new Set<number>()
  #accounts: ReadonlySet<number> = new Set()
  readonly #change: StateChange = {
    block: 0,
    place: 0,
    count: 1,
    state: 0,
    reason: 0,
    carrier: NO_CARRIER,
    atMs: 0,
    status: 0,
    isFinal: false,
    error: '',
  }
  /** Events of these accounts are durable. */
  onDurable: (accounts: number[]) => void = () => {}

  constructor(log: EventLog, accountOf: (block: number) => number) {
    this.#log = log
    this.#accountOf = accountOf
  }

  /** Accounts whose message events somebody wants, from now on. */
  use(accounts: readonly number[]): void {
    this.#accounts = new Set(accounts)
  }

  /** False: nobody wants any. */
  get isOn(): boolean {
    return this.#accounts.size > 0
  }

  /** The message of `entry` came to another state, or to its end. */
  changed(state: BlockState, entry: Entry, totals: JobTotals): void {
    const { place } = entry
    const now = state.states[place]!
    const isTold = now > STATE.sending || entry.code === OUTCOME.putOff
    if (!isTold || now > STATE.unknown) return
    const account = totals.dispatch?.account ?? this.#accountOf(state.block)
    if (!this.#accounts.has(account)) return
    const change = this.#change
    change.block = state.block
    change.place = place
    change.count = 1
    change.state = now
    change.reason = state.reasons[place]!
    change.carrier = entry.carrier
    change.atMs = entry.atMs
    change.status = isRefusal(entry) ? entry.status : 0
    change.isFinal = state.final[place] === 1
    change.error = entry.error
    this.#batch(account).add(change)
  }

  /** A block that nobody claimed was canceled: all its messages. */
  canceled(totals: JobTotals, block: { block: number; messages: number }, atMs: number): void {
    this.#whole(totals, { ...block, state: STATE.canceled, reason: CANCELED, atMs })
  }
  /** A block is damaged: all its messages failed. */
  quarantined(totals: JobTotals, block: { block: number; messages: number }, atMs: number): void {
    this.#whole(totals, { ...block, state: STATE.failed, reason: CORRUPT, atMs })
  }

  #whole(
    { dispatch }: JobTotals,
    whole: { block: number; messages: number; state: number; reason: number; atMs: number },
  ): void {
    if (dispatch === null || whole.messages === 0 || !this.#accounts.has(dispatch.account)) return
    const { block, messages, state, reason, atMs } = whole
    const rest = { place: 0, carrier: NO_CARRIER, status: 0, isFinal: true, error: '' }
    this.#batch(dispatch.account).add({ ...rest, block, count: messages, state, reason, atMs })
  }

  #batch(account: number): EventBatch {
    this.#touched.add(account)
    let batch = this.#batches.get(account)
    if (batch === undefined) {
      batch = new EventBatch(account, this.#log.next(account))
      this.#batches.set(account, batch)
    }
    return batch
  }

  /** Everything since the last time, for the commit. */
  take(): { key: number[]; bytes: Buffer }[] {
    if (this.#touched.size === 0) return []
    const taken: { key: number[]; bytes: Buffer }[] = []
    for (const account of this.#touched) taken.push(...this.#batches.get(account)!.take())
    this.#touched.clear()
    return taken
  }
}

/** The status of an entry is the carrier's answer only where it refused a part. */
function isRefusal({ code, flags, part }: Entry): boolean {
  if (code === OUTCOME.unheard || code === OUTCOME.putOff) return true
  return code === OUTCOME.rejected && (flags & BY_RECEIPT) === 0 && part !== WHOLE_MESSAGE
}
