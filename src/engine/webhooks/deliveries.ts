/**
 * Delivers to all endpoints: whoever has something to send and may send it gets a place among the deliveries under way.
 * Places are given one by one and in turn, so an endpoint that hangs holds up only itself. What an endpoint has come to is
 * stored a few times a second, all endpoints in one transaction. Main thread.
 */
import { crashPoint } from '../base/crash-point.js'
import type { Random } from '../base/random.js'
import { type Clock, systemTimers, type Timers } from '../contract/clock.js'
import type { Log } from '../contract/log.js'
import type { Courier, DeliveryAnswer } from '../contract/webhook-delivery.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import type { Endpoint } from './endpoint.js'
import { type MessageReport, type ReportRequest, reportRequest } from './message-report.js'
import { signedHeaders } from './secret.js'
import { type Batch, jsonOf } from './stream.js'
import { keyOf, WEBHOOK_STATES, WEBHOOKS, type WebhookRecord } from './webhook-record.js'

export interface DeliveriesDeps {
  documents: Documents
  courier: Courier
  clock: Clock
  /** Absent: those of the event loop. */
  timers?: Timers
  random: Random
  log: Log
  /** Most deliveries under way at once. */
  places: number
  userAgent: string
  /** The store failed: the process must stop. */
  fail(error: unknown): void
}

const GONE = 410
/** Endpoints that work are woken by what happens; now and then they are looked at all the same, first of all at a start. */
const TICKS_PER_LOOK = 20

export class Deliveries {
  readonly #deps: DeliveriesDeps
  readonly #endpoints = new Map<string, Endpoint>()
  /** Endpoints that had something to send when all places were taken, in order. */
  readonly #queued = new Set<Endpoint>()
  readonly #behind = new Set<Endpoint>()
  #underWay = 0
  #ticks = 0
  #isStopping = false
  #storing: Promise<void> = Promise.resolve()

  constructor(deps: DeliveriesDeps) {
    this.#deps = deps
  }

  add(endpoint: Endpoint): void {
    this.#endpoints.set(endpoint.record.uid, endpoint)
  }

  remove(endpoint: Endpoint): void {
    endpoint.isRemoved = true
    this.#endpoints.delete(endpoint.record.uid)
    this.#queued.delete(endpoint)
    this.#behind.delete(endpoint)
    this.#deps.courier.forget(endpoint.record.uid)
  }

  /** Something happened to these endpoints, or time has passed. */
  serve(endpoints: Iterable<Endpoint>): void {
    this.#guarded(() => {
      for (const endpoint of endpoints) this.#serve(endpoint)
    })
  }

  /** A few times a second: retries whose time has come, and what is to be stored. */
  tick(): void {
    const isLook = this.#ticks++ % TICKS_PER_LOOK === 0
    for (const endpoint of this.#endpoints.values()) {
      if (isLook || endpoint.retry.failures > 0) this.serve([endpoint])
    }
    this.store().catch(this.#deps.fail)
  }

  #serve(endpoint: Endpoint): void {
    const { clock, places } = this.#deps
    while (!this.#isStopping && endpoint.mayStart(clock.now())) {
      if (this.#underWay >= places) {
        this.#queued.add(endpoint)
        return
      }
      const { batch, isBehind } = endpoint.take(clock.now())
      if (batch === null) {
        if (isBehind) this.#goOnSoon(endpoint)
        return
      }
      this.#deliver(endpoint, batch)
    }
  }

  /** It looked through much that it does not want: others have their turn first. */
  #goOnSoon(endpoint: Endpoint): void {
    this.#behind.add(endpoint)
    if (this.#behind.size > 1) return
    const { timers = systemTimers } = this.#deps
    timers.soon(() => {
      const behind = [...this.#behind]
      this.#behind.clear()
      this.serve(behind)
    })
  }

  #deliver(endpoint: Endpoint, batch: Batch): void {
    this.#underWay++
    const { record } = endpoint
    const { clock, courier, userAgent } = this.#deps
    const nowMs = clock.now()
    const request = record.reports === undefined ? signedRequest(record, batch, nowMs) : reportOf(batch)
    const headers = { 'user-agent': userAgent, ...request.headers }
    courier
      .deliver({ endpoint: record.uid, ...request, headers })
      .then((answer) => this.#guarded(() => this.#answered(endpoint, batch, answer)), this.#deps.fail)
    crashPoint('webhook-posted')
  }

  #answered(endpoint: Endpoint, batch: Batch, answer: DeliveryAnswer): void {
    const { clock, random, log } = this.#deps
    this.#underWay--
    const nowMs = clock.now()
    if (answer.kind === 'answered' && answer.status >= 200 && answer.status < 300) {
      endpoint.succeeded(batch, nowMs)
      crashPoint('webhook-answered')
    } else {
      const reason = reasonOf(answer)
      const retryAfterMs = answer.kind === 'answered' ? answer.retryAfterMs : null
      const isCurrent = endpoint.failed(batch, nowMs, { reason, retryAfterMs, chance: random.next() })
      const { accountId: account, name } = endpoint.record
      log.debug({ account, webhook: name, reason, failures: endpoint.retry.failures }, 'a delivery failed')
      if (isCurrent && answer.kind === 'answered' && answer.status === GONE) this.#disable(endpoint)
    }
    this.#serve(endpoint)
    this.#serveQueued()
  }

  /** Those that found no place, in the order in which they came. */
  #serveQueued(): void {
    for (const endpoint of this.#queued) {
      if (this.#underWay >= this.#deps.places) return
      this.#queued.delete(endpoint)
      this.#serve(endpoint)
    }
  }

  #disable(endpoint: Endpoint): void {
    const { record } = endpoint
    if (endpoint.isRemoved || record.disabled !== null) return
    const disabled = { ...record, disabled: 'GONE' as const }
    endpoint.change(disabled)
    this.#deps.log.info({ account: record.accountId, webhook: record.name }, 'a webhook is gone (410) and was disabled')
    const write = { collection: WEBHOOKS, key: keyOf(record), value: disabled }
    this.#deps.documents.write([write]).catch(this.#deps.fail)
  }

  #guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#deps.fail(error)
    }
  }

  /** What endpoints have come to since the last time; one write at a time. @throws EngineError STORE_FAILED. */
  async store(): Promise<void> {
    const writes: DocumentWrite[] = []
    for (const endpoint of this.#endpoints.values()) {
      if (!endpoint.isDirty) continue
      endpoint.isDirty = false
      writes.push({ collection: WEBHOOK_STATES, key: keyOf(endpoint.record), value: endpoint.stored })
    }
    if (writes.length > 0) this.#storing = this.#deps.documents.write(writes)
    await this.#storing
    if (writes.length > 0) crashPoint('webhook-stored')
  }

  /** Lets what is under way end for a moment, and stores where each endpoint stands. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true
    await this.#deps.courier.close(graceMs)
    await this.store()
  }
}

function signedRequest({ url, secrets }: WebhookRecord, batch: Batch, nowMs: number): ReportRequest {
  const { event } = batch.stream
  const data = batch.entries!.map(jsonOf).join()
  const body = Buffer.from(`{"type":"${event}","timestamp":"${new Date(nowMs).toISOString()}","data":[${data}]}`)
  const signed = signedHeaders(secrets, { id: batch.id, timestamp: Math.floor(nowMs / 1000), body })
  return { method: 'POST', url, headers: { 'content-type': 'application/json', ...signed }, body }
}

function reportOf(batch: Batch): ReportRequest {
  return reportRequest(batch.entries![0]!.data as MessageReport)
}

/** What the account is told; never what the receiver wrote. */
function reasonOf(answer: DeliveryAnswer): string {
  if (answer.kind === 'failed') return answer.reason
  const isRedirect = answer.status >= 300 && answer.status < 400
  return isRedirect ? `answered ${answer.status}: redirects are not followed` : `answered ${answer.status}`
}
