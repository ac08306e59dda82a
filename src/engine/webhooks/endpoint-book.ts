/** All endpoints by account and name, in memory and in the documents. Main thread. */
import type { WebhookEvent } from '../contract/webhook.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import type { Deliveries } from './deliveries.js'
import { Endpoint, type Sources } from './endpoint.js'
import { keyOf, newState, WEBHOOK_STATES, WEBHOOKS, type WebhookRecord, type WebhookState } from './webhook-record.js'

export interface EndpointBookDeps {
  documents: Documents
  sources: Sources
  deliveries: Deliveries
  /** Accounts whose message events are wanted: tells the dispatcher. */
  wanted(accounts: number[]): void
}

export class EndpointBook {
  readonly #deps: EndpointBookDeps
  readonly #accounts = new Map<number, Map<string, Endpoint>>()
  #wanted = ''

  constructor(deps: EndpointBookDeps) {
    this.#deps = deps
    for (const { value } of deps.documents.list<WebhookRecord>(WEBHOOKS)) {
      const state = deps.documents.get<WebhookState>(WEBHOOK_STATES, keyOf(value))
      this.#hold(value, withAllEvents(state, this.#beginning(value.account)))
    }
  }

  /** Everything from now on. */
  #beginning(account: number): WebhookState {
    const next = (event: WebhookEvent) => this.#deps.sources[event].next(account)
    return newState({
      'messages.updated': next('messages.updated'),
      'inbound.received': next('inbound.received'),
      'job.updated': next('job.updated'),
      'drop.updated': next('drop.updated'),
    })
  }

  #hold(record: WebhookRecord, state: WebhookState): Endpoint {
    const endpoint = new Endpoint(record, state, this.#deps.sources)
    const named = this.#accounts.get(record.account) ?? new Map<string, Endpoint>()
    this.#accounts.set(record.account, named.set(record.name, endpoint))
    this.#deps.deliveries.add(endpoint)
    return endpoint
  }

  find(account: number, name: string): Endpoint | null {
    return this.#accounts.get(account)?.get(name) ?? null
  }
  of(account: number): Iterable<Endpoint> {
    return this.#accounts.get(account)?.values() ?? []
  }
  *all(): Iterable<Endpoint> {
    for (const named of this.#accounts.values()) yield* named.values()
  }
  accounts(): number[] {
    return [...this.#accounts.keys()]
  }

  /** True: some endpoint of the account wants events of this kind. */
  wants(account: number, event: WebhookEvent): boolean {
    for (const { record } of this.of(account)) if (record.events.includes(event)) return true
    return false
  }

  /** Accounts whose message events are wanted. */
  eventAccounts(): number[] {
    return this.accounts().filter((account) => this.wants(account, 'messages.updated'))
  }

  #tell(): void {
    const accounts = this.eventAccounts()
    const wanted = accounts.join(' ')
    if (wanted === this.#wanted) return
    this.#wanted = wanted
    this.#deps.wanted(accounts)
  }

  /** A new endpoint, and what stores it: to be written before anyone is told of it. */
  create(record: WebhookRecord): { writes: DocumentWrite[]; enter(): Endpoint } {
    const state = this.#beginning(record.account)
    const writes = [
      { collection: WEBHOOKS, key: keyOf(record), value: record },
      { collection: WEBHOOK_STATES, key: keyOf(record), value: state },
    ]
    return { writes, enter: () => this.#enter(record, state) }
  }

  #enter(record: WebhookRecord, state: WebhookState): Endpoint {
    const endpoint = this.#hold(record, state)
    this.#tell()
    return endpoint
  }

  /** What stores its other settings, and how they take effect. */
  change(endpoint: Endpoint, record: WebhookRecord): { writes: DocumentWrite[]; enter(): Endpoint } {
    return {
      writes: [{ collection: WEBHOOKS, key: keyOf(record), value: record }],
      enter: () => {
        endpoint.change(record)
        this.#tell()
        return endpoint
      },
    }
  }

  remove(endpoint: Endpoint): DocumentWrite[] {
    const { record } = endpoint
    const named = this.#accounts.get(record.account)
    named?.delete(record.name)
    if (named?.size === 0) this.#accounts.delete(record.account)
    this.#deps.deliveries.remove(endpoint)
    this.#tell()
    return [
      { collection: WEBHOOKS, key: keyOf(record), value: null },
      { collection: WEBHOOK_STATES, key: keyOf(record), value: null },
    ]
  }
}

/** What an earlier version stored lacks kinds of events that came since: of these it has had none. */
function withAllEvents(state: WebhookState | null, beginning: WebhookState): WebhookState {
  if (state === null) return beginning
  return {
    ...state,
    cursors: { ...beginning.cursors, ...state.cursors },
    ends: { ...beginning.ends, ...state.ends },
    parked: { ...beginning.parked, ...state.parked },
  }
}
