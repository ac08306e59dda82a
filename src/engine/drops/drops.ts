/** Dropped files behind the façade: who may see which. Main thread. */
import type { Accounts } from '../accounts/accounts.js'
import type { Askers } from '../accounts/askers.js'
import { timeAsked } from '../base/instant.js'
import type { Page, Principal } from '../contract/api.js'
import type { DropRecord } from '../contract/drop-keeper.js'
import type { DropQuery, DropsApi, DropView } from '../contract/drops.js'
import { EngineError } from '../contract/errors.js'
import { dropId, parseDropId } from '../contract/ids.js'
import type { DropBook } from './drop-book.js'

export interface DropsDeps {
  book: DropBook
  accounts: Accounts
  askers: Askers
  view(record: DropRecord): DropView
}

export class Drops implements DropsApi {
  readonly #deps: DropsDeps

  constructor(deps: DropsDeps) {
    this.#deps = deps
  }

  list(principal: Principal, { account: wanted, since, state, limit, cursor }: DropQuery): Page<DropView> {
    const { book, accounts, askers, view } = this.#deps
    const own = askers.number(principal)
    const sinceMs = timeAsked('since', since) ?? 0
    const asked = wanted === undefined ? own : accounts.find(wanted)
    // Another's account and one that does not exist are answered alike: this key sees nothing of it.
    if (asked === undefined || (own !== null && asked !== own)) return { items: [], nextCursor: null }
    const { records, next } = book.list({
      account: asked,
      limit,
      before: cursor === undefined ? null : parseDropId(cursor),
      isPast: (record) => record.startedAtMs < sinceMs,
      matches: (record) => state === undefined || record.state === state,
    })
    return { items: records.map(view), nextCursor: next === null ? null : dropId(next) }
  }

  get(principal: Principal, id: string): DropView {
    const own = this.#deps.askers.number(principal)
    const number = parseDropId(id)
    const record = number === null ? null : this.#deps.book.get(number)
    if (record === null || (own !== null && record.account !== own)) {
      throw new EngineError('NOT_FOUND', 'There is no such dropped file.')
    }
    return this.#deps.view(record)
  }
}
