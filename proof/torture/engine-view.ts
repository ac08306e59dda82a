/** What the engine says over its public API when all is done: jobs, messages by marker, usage, drops. */
import type { JobView } from '../../src/engine/contract/api.js'
import type { DropView } from '../../src/engine/contract/drops.js'
import type { Counts } from '../../src/engine/contract/job.js'
import type { UsageItem } from '../../src/engine/contract/money.js'
import type { Account } from './driver.js'
import type { Asker } from './driver-http.js'
import { markerOf, markerOfRecipient } from './marker.js'

/** A line of GET /v1/messages.ndjson. */
export interface MessageSeen {
  id: string
  account: string
  to: string
  state: string
  reason: string | null
  parts: number
  job: string | null
  carrier: string | null
}

export class EngineView {
  /** By id. */
  readonly jobs = new Map<string, JobView>()
  /** By marker; more than one is a repetition. */
  readonly messages = new Map<number, MessageSeen[]>()
  /** Of texts that no work has, such as answers to STOP. */
  strangers = 0
  readonly drops: DropView[] = []
  /** By account. */
  readonly usage = new Map<string, UsageItem[]>()

  static async read(asker: Asker, accounts: readonly Account[]): Promise<EngineView> {
    const view = new EngineView()
    for (const account of accounts) await view.#readAccount(asker, account)
    return view
  }

  async #readAccount(asker: Asker, { id, key }: Account): Promise<void> {
    for await (const job of asker.items<JobView>('/v1/jobs', key)) this.jobs.set(job.id, job)
    for await (const drop of asker.items<DropView>('/v1/drops', key)) this.drops.push(drop)
    const usage: UsageItem[] = []
    for await (const item of asker.items<UsageItem>('/v1/usage?by=day', key)) usage.push(item)
    this.usage.set(id, usage)
    for await (const line of asker.lines('/v1/messages.ndjson', key)) {
      if (line !== '') this.#take({ ...JSON.parse(line), account: id })
    }
  }

  /** Single messages have the marker as their reference, rows of files a recipient of their own. */
  #take(message: MessageSeen & { clientReference: string | null }): void {
    const { id, account, to, state, reason, parts, job, carrier } = message
    const byReference = markerOf(message.clientReference ?? '')
    const marker = byReference < 0 && job !== null ? markerOfRecipient(to) : byReference
    if (marker < 0) {
      this.strangers++
      return
    }
    const seen = { id, account, to, state, reason, parts, job, carrier }
    const list = this.messages.get(marker)
    if (list === undefined) this.messages.set(marker, [seen])
    else list.push(seen)
  }
}

/** Empty: the two equations of the contract hold. */
export function sumsOf({ rows, accepted, rejected, suppressed, duplicate, ...counts }: Counts): string {
  const { queued, scheduled, sending, sent, delivered, undelivered, failed, expired, canceled, unknown } = counts
  const states = queued + scheduled + sending + sent + delivered + undelivered + failed + expired + canceled + unknown
  const ends = accepted + rejected + suppressed + duplicate
  if (rows === ends && accepted === states) return ''
  return `${rows} rows are ${ends}, ${accepted} accepted are ${states} in a state`
}
