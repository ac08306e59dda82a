/**
 * The one writer of suppressions: every change is in the shared filter before it is on disk, and on disk before anyone is
 * told, so that it holds in each thread from then on. What is on its way to the disk is known here already. Main thread.
 */
import { crashPoint } from '../base/crash-point.js'
import { EVERY_ACCOUNT, NumberFilter } from '../base/number-filter.js'
import type { Environment } from '../store/environment.js'
import { storeFailed } from '../store/lmdb-store.js'
import { binds, openReasons, reasonsOf, type SuppressionReason, sealReasons } from '../store/suppression-table.js'

export interface Place {
  account: number
  /** Of an email address its key. */
  number: number
  /** The address in lower case; absent: it is a phone number. */
  mail?: string
}

/** A change that waits for its transaction. */
export interface StagedChange {
  /** Within the transaction. */
  put(): void
  /** It is on disk. */
  durable(): void
}

export interface SuppressionBookDeps {
  environment: Environment
  /** The filter has moved to other memory: threads that keep it must be told, before anyone is told of the change. */
  moved(buffer: SharedArrayBuffer): void
}

const NONE: readonly SuppressionReason[] = []

export class SuppressionBook {
  readonly #deps: SuppressionBookDeps
  readonly filter: NumberFilter
  /** By key: what is staged and not on disk. */
  readonly #staged = new Map<string, readonly SuppressionReason[]>()

  constructor(deps: SuppressionBookDeps) {
    this.#deps = deps
    const { suppressions } = deps.environment
    const { entryCount } = suppressions.getStats() as { entryCount: number }
    this.filter = NumberFilter.sized(entryCount)
    for (const [account, number] of suppressions.getKeys()) this.filter.add(account!, number!)
  }

  /** Of the account and of everyone. `from`: '' where the carrier chooses the sender. */
  has(account: number, number: number, from: string, mail?: string): boolean {
    if (!this.filter.mayHave(account, number)) return false
    return (
      binds(this.reasons({ account, number, mail }), from) ||
      binds(this.reasons({ account: EVERY_ACCOUNT, number, mail }), from)
    )
  }

  /** As they are with all that was staged; empty: not suppressed. */
  reasons(place: Place): readonly SuppressionReason[] {
    return reasonsOf(this.#all(place), place.mail ?? null)
  }

  /** Of every address that has the key. */
  #all({ account, number }: Place): readonly SuppressionReason[] {
    const staged = this.#staged.get(`${account} ${number}`)
    if (staged !== undefined) return staged
    if (!this.filter.mayHave(account, number)) return NONE
    const { root, suppressions } = this.#deps.environment
    root.resetReadTxn()
    const bytes = suppressions.getBinary([account, number])
    return bytes === undefined ? NONE : openReasons(bytes)
  }

  /** From now on `reasons` are why; none: it may be messaged. `sealed`: the same as stored, where the caller has it. */
  stage(place: Place, given: readonly SuppressionReason[], sealed?: Buffer): StagedChange {
    const { account, number, mail } = place
    const key = `${account} ${number}`
    const others = mail === undefined ? [] : this.#all(place).filter((reason) => reason.mail !== mail)
    const reasons = [...others, ...(mail === undefined ? given : given.map((reason) => ({ ...reason, mail })))]
    this.#staged.set(key, reasons)
    if (reasons.length > 0 && this.filter.add(account, number)) this.#deps.moved(this.filter.buffer)
    crashPoint('opt-out-filtered')
    const { suppressions } = this.#deps.environment
    const bytes = reasons.length === 0 ? null : ((mail === undefined ? sealed : undefined) ?? sealReasons(reasons))
    return {
      put() {
        if (bytes === null) suppressions.remove([account, number])
        else suppressions.put([account, number], bytes)
      },
      durable: () => {
        if (this.#staged.get(key) === reasons) this.#staged.delete(key)
      },
    }
  }

  /** One transaction, durable when it resolves. @throws EngineError STORE_FAILED: the process must stop. */
  async commit(changes: readonly StagedChange[]): Promise<void> {
    try {
      await this.#deps.environment.root.batch(() => {
        for (const change of changes) change.put()
      })
    } catch (error) {
      throw storeFailed(error)
    }
    for (const change of changes) change.durable()
    crashPoint('opt-out-stored')
  }

  /** In order of number, behind `after`. What is staged is not among them. */
  *stored(account: number, after: number): Iterable<{ number: number; reasons: SuppressionReason[] }> {
    const { root, suppressions } = this.#deps.environment
    root.resetReadTxn()
    const range = { start: [account, after], end: [account, Number.POSITIVE_INFINITY], exclusiveStart: true }
    for (const { key, value } of suppressions.getRange(range as object)) {
      yield { number: (key as number[])[1]!, reasons: openReasons(value) }
    }
  }
}

/** With `fresh` in the place of an entry of the same sender and source, whose time it keeps. */
export function withReason(reasons: readonly SuppressionReason[], fresh: SuppressionReason): SuppressionReason[] {
  const at = reasons.findIndex(({ sender, source }) => sender === fresh.sender && source === fresh.source)
  if (at < 0) return [...reasons, fresh]
  return reasons.map((reason, index) => (index === at ? { ...fresh, atMs: reason.atMs } : reason))
}
