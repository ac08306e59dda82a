/** What the API is told of subscribers' messages: an account sees what was routed to it, the admin all. Main thread. */
import type { Accounts } from '../accounts/accounts.js'
import type { Askers } from '../accounts/askers.js'
import { NOT_A_TIME, parseTime } from '../base/instant.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import { EngineError, type FieldError } from '../contract/errors.js'
import { parseInboundId } from '../contract/ids.js'
import type { InboundApi, InboundFilter, InboundView } from '../contract/inbound.js'
import type { InboundStore } from '../store/inbound-store.js'
import { listInbound } from './inbound-list.js'
import { inboundView, type Viewer } from './inbound-view.js'

export interface InboundBookDeps {
  store: InboundStore
  accounts: Accounts
  askers: Askers
}

export class InboundBook implements InboundApi {
  readonly #deps: InboundBookDeps

  constructor(deps: InboundBookDeps) {
    this.#deps = deps
  }

  list(principal: Principal, query: PageQuery & InboundFilter): Page<InboundView> {
    const { since, until, account: wanted, ...rest } = query
    const times = timesOf(since, until)
    const viewer = this.#viewer(principal)
    const asked = wanted === undefined ? viewer.account : this.#deps.accounts.find(wanted)
    // Another's account and one that does not exist are answered alike: nothing was routed to it for this key.
    const isForeign = asked === undefined || (viewer.account !== null && asked !== viewer.account)
    if (isForeign) return { items: [], nextCursor: null }
    return listInbound(this.#deps.store, { ...rest, ...times, account: asked ?? undefined }, viewer)
  }

  get(principal: Principal, id: string): InboundView {
    const viewer = this.#viewer(principal)
    const number = parseInboundId(id)
    const item = number === null ? null : this.#deps.store.one(number)
    const isVisible = item !== null && (viewer.account === null || viewer.account === item.account)
    if (!isVisible) throw new EngineError('NOT_FOUND', 'There is no such message.')
    return inboundView(number!, item, viewer)
  }

  #viewer(principal: Principal): Viewer {
    const { accounts, askers } = this.#deps
    return {
      account: askers.number(principal),
      accountId: (number) => accounts.byNumber(number)?.id ?? null,
    }
  }
}

/** @throws EngineError VALIDATION. */
function timesOf(since: string | undefined, until: string | undefined): { sinceMs?: number; untilMs?: number } {
  const fields: FieldError[] = []
  const read = (name: string, text: string | undefined): number | undefined => {
    const ms = text === undefined ? undefined : parseTime(text)
    if (ms !== null) return ms
    fields.push({ pointer: `/${name}`, message: NOT_A_TIME })
    return undefined
  }
  const times = { sinceMs: read('since', since), untilMs: read('until', until) }
  if (fields.length === 0) return times
  throw new EngineError('VALIDATION', `${fields[0]!.pointer.slice(1)} is not a time with a zone.`, { fields })
}
