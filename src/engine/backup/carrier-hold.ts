/**
 * Carriers of a restored data directory wait, through any restart, until an operator resumes each: what was sent since the
 * backup would be sent again, and who opted out since is not known. The record is gone once all have been resumed. Main thread.
 */
import type { CarrierView } from '../contract/channel.js'
import type { Log } from '../contract/log.js'
import type { Readiness } from '../contract/readiness.js'
import type { Documents } from '../store/documents.js'

export const RESTORED = { collection: 'restored', key: [] as string[] }

export interface RestoredRecord {
  /** The moment that the backup shows. */
  backupAtMs: number
  restoredAtMs: number
  /** Ids of carriers that may send again. */
  resumed: string[]
}

export class CarrierHold {
  readonly #documents: Documents
  #record: RestoredRecord | null

  constructor(documents: Documents, log: Log) {
    this.#documents = documents
    this.#record = documents.get<RestoredRecord>(RESTORED.collection, RESTORED.key)
    const { reason: because } = this
    if (because !== null) log.warn({ because, resumed: this.resumed }, 'carriers are paused until they are resumed')
  }

  /** Carriers that may send although the directory was restored; null: it was not. */
  get resumed(): readonly string[] | null {
    return this.#record?.resumed ?? null
  }

  /** null: nothing is held. */
  get reason(): string | null {
    if (this.#record === null) return null
    const since = new Date(this.#record.backupAtMs).toISOString()
    return `the data directory was restored from a backup of ${since}: what was sent since would be sent again`
  }

  /** Carriers as they are shown: with why they are paused. */
  told(carriers: CarrierView[]): CarrierView[] {
    const { reason: because } = this
    if (because === null) return carriers
    return carriers.map((view) => (view.paused && this.#holds(view.id) ? { ...view, pausedBecause: because } : view))
  }

  #holds(carrier: string): boolean {
    return this.#record !== null && !this.#record.resumed.includes(carrier)
  }

  /** Durable when it resolves. `carriers`: all that there are. */
  async resume(carrier: string, carriers: readonly string[]): Promise<void> {
    if (this.#record === null || !this.#holds(carrier)) return
    const next = { ...this.#record, resumed: [...this.#record.resumed, carrier] }
    const isOver = carriers.every((id) => next.resumed.includes(id))
    await this.#documents.write([{ ...RESTORED, value: isOver ? null : next }])
    this.#record = isOver ? null : next
  }

  /** Of /readyz. */
  notes(): Readiness['checks'] {
    const { reason: because } = this
    return because === null ? [] : [{ name: 'restored', ok: false, detail: `carriers are paused: ${because}` }]
  }
}
