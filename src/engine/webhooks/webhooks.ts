/** Webhooks behind the façade: whose they are, and what may be asked of them. Main thread. */
import type { Askers } from '../accounts/askers.js'
import type { Audit } from '../audit/audit.js'
import { timeAsked } from '../base/instant.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'
import type { ReplayResult, WebhookSettings, WebhooksApi, WebhookView } from '../contract/webhook.js'
import type { Courier } from '../contract/webhook-delivery.js'
import type { Deliveries } from './deliveries.js'
import type { Endpoint } from './endpoint.js'
import type { EndpointBook } from './endpoint-book.js'
import { checkName, isForCallbacks, newRecord, webhookView } from './webhook-settings.js'

export interface WebhooksDeps {
  book: EndpointBook
  deliveries: Deliveries
  courier: Pick<Courier, 'refusal' | 'resolvedRefusal'>
  askers: Askers
  audit: Audit
  clock: Clock
}

export class Webhooks implements WebhooksApi {
  readonly #deps: WebhooksDeps
  /** Changes happen one after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(deps: WebhooksDeps) {
    this.#deps = deps
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.catch(() => {}).then(work)
    this.#turn = turn
    return await turn
  }

  async put(principal: Principal, name: string, settings: WebhookSettings): Promise<WebhookView> {
    const { askers, book, courier, audit, clock, deliveries } = this.#deps
    const account = askers.record(principal)
    const former = book.find(account.number, name)?.record
    if (former === undefined || !isForCallbacks(former)) checkName(name)
    const refusal = courier.refusal(settings.url) ?? (await courier.resolvedRefusal(settings.url))
    if (refusal !== null) throw wrongUrl(refusal)
    return await this.#inTurn(async () => {
      const known = book.find(account.number, name)
      if (known === null) this.#requireRoom(account.number)
      const before = known?.record ?? null
      const record = newRecord({ account, name, before, nowMs: clock.now() }, settings)
      if (before !== null && isForCallbacks(before) && record.url !== before.url) {
        throw wrongUrl('of a callback is the callbackUrl of its jobs and cannot be changed')
      }
      const { writes, enter } = known === null ? book.create(record) : book.change(known, record)
      await audit.write(writes, {
        ...{ principal, account, action: 'webhook.put', object: `webhook/${name}` },
        ...{ before, after: record },
      })
      const endpoint = enter()
      deliveries.serve([endpoint])
      return webhookView(endpoint)
    })
  }

  #requireRoom(account: number): void {
    const count = [...this.#deps.book.of(account)].filter(({ record }) => !isForCallbacks(record)).length
    if (count < limits.webhooksPerAccount) return
    throw new EngineError(
      'WRONG_STATE',
      `An account has at most ${limits.webhooksPerAccount} webhooks; delete one first.`,
    )
  }

  #find(principal: Principal, name: string): Endpoint {
    const { askers, book } = this.#deps
    const endpoint = book.find(askers.record(principal).number, name)
    if (endpoint === null) throw new EngineError('NOT_FOUND', 'There is no such webhook.')
    return endpoint
  }

  get(principal: Principal, name: string): WebhookView {
    return webhookView(this.#find(principal, name))
  }

  list(principal: Principal, { limit, cursor }: PageQuery): Page<WebhookView> {
    const { askers, book } = this.#deps
    const account = askers.number(principal)
    const known = [...(account === null ? book.all() : book.of(account))]
    const sorted = known
      .map((endpoint) => ({ endpoint, place: placeOf(endpoint, account === null) }))
      .filter(({ place }) => cursor === undefined || place > cursor)
      .sort((a, b) => (a.place < b.place ? -1 : 1))
    const page = sorted.slice(0, limit)
    const nextCursor = sorted.length > page.length ? page.at(-1)!.place : null
    return { items: page.map(({ endpoint }) => webhookView(endpoint)), nextCursor }
  }

  async remove(principal: Principal, name: string): Promise<void> {
    const { askers, audit, book } = this.#deps
    const account = askers.record(principal)
    await this.#inTurn(async () => {
      const endpoint = this.#find(principal, name)
      await audit.write(book.remove(endpoint), {
        ...{ principal, account, action: 'webhook.delete', object: `webhook/${name}` },
        before: endpoint.record,
      })
    })
  }

  async replay(principal: Principal, name: string, since: string): Promise<ReplayResult> {
    const { askers, audit, deliveries } = this.#deps
    const account = askers.record(principal)
    const sinceMs = timeAsked('since', since)!
    return await this.#inTurn(async () => {
      const endpoint = this.#find(principal, name)
      if (endpoint.record.disabled !== null) {
        throw new EngineError('WRONG_STATE', 'The webhook is disabled; PUT it again first.')
      }
      const replayed = endpoint.replay(sinceMs)
      await deliveries.store()
      await audit.write([], { principal, account, action: 'webhook.replay', object: `webhook/${name}` })
      const { backlog } = endpoint
      deliveries.serve([endpoint])
      return { backlog, replayed }
    })
  }
}

/** Names of two accounts may be alike. */
function placeOf({ record }: Endpoint, isOfAll: boolean): string {
  return isOfAll ? `${record.accountId}/${record.name}` : record.name
}

function wrongUrl(message: string): EngineError {
  return new EngineError('VALIDATION', `The url ${message}.`, { fields: [{ pointer: '/url', message }] })
}
