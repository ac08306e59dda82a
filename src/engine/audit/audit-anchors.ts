/**
 * Notes the head of the audit log outside of the data directory: in the engine's log, whenever it has changed, once an hour and at
 * the end. Whoever cuts the audit log off at its end cannot take these lines back. Main thread.
 */
import type { Clock } from '../contract/clock.js'
import type { Log } from '../contract/log.js'
import type { Documents } from '../store/documents.js'
import { auditHead } from './audit.js'

const EVERY_MS = 3_600_000

export class AuditAnchors {
  readonly #documents: Documents
  readonly #clock: Clock
  readonly #log: Log
  #noted = 0
  #nextMs = Number.NEGATIVE_INFINITY

  constructor({ documents, clock, log }: { documents: Documents; clock: Clock; log: Log }) {
    this.#documents = documents
    this.#clock = clock
    this.#log = log
  }

  /** Cheap but once an hour. */
  tick(): void {
    if (this.#clock.monotonic() < this.#nextMs) return
    this.#nextMs = this.#clock.monotonic() + EVERY_MS
    this.note()
  }

  note(): void {
    const { number, hash } = auditHead(this.#documents)
    if (number === this.#noted) return
    this.#noted = number
    this.#log.info({ anchor: `${number}:${hash}` }, 'head of the audit log')
  }
}
