/**
 * Where the answers of Idempotency-Keys lie: those of jobs among the documents, beside the job; those of messages in the
 * queue's environment, beside the blocks. Main thread.
 */
import type { Database } from 'lmdb'
import type { Note } from '../contract/store.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import { storeFailed } from '../store/lmdb-store.js'
import type { KeptAnswer, KeptAnswers, Running } from './idempotency.js'

const COLLECTION = 'idempotency'
const PREFIX = 'idempotency:'
const SWEEP_KEYS = 1_000

export function noteKey(account: string, key: string): string {
  return `${PREFIX}${account}:${key}`
}

export class StoredAnswers implements KeptAnswers {
  readonly #documents: Documents
  readonly #notes: Database<Buffer, string>
  /** Where the next sweep of the notes goes on. */
  #sweptTo = PREFIX

  /** `notes`: the table `meta` of the queue's environment. */
  constructor(documents: Documents, notes: Database<Buffer, string>) {
    this.#documents = documents
    this.#notes = notes
  }

  get(account: string, key: string): KeptAnswer | null {
    const kept = this.#documents.get<KeptAnswer>(COLLECTION, [account, key])
    if (kept !== null) return kept
    const note = this.#notes.getBinary(noteKey(account, key))
    return note === undefined ? null : (JSON.parse(note.toString()) as KeptAnswer)
  }

  async put(account: string, key: string, kept: KeptAnswer): Promise<void> {
    await this.#documents.write(answerWrites(account, key, kept))
  }

  async remove(account: string, key: string): Promise<void> {
    await this.#documents.remove(COLLECTION, [account, key])
  }

  async sweep(beforeMs: number): Promise<void> {
    await this.#sweepDocuments(beforeMs)
    await this.#sweepNotes(beforeMs)
  }

  async #sweepDocuments(beforeMs: number): Promise<void> {
    const oldest = this.#documents.list('idempotency-times', { limit: SWEEP_KEYS })
    const writes: DocumentWrite[] = []
    for (const { key } of oldest) {
      const [atMs, account, name] = key as [number, string, string]
      if (atMs >= beforeMs) break
      writes.push({ collection: 'idempotency-times', key, value: null })
      // The same key may have been used anew since.
      const kept = this.#documents.get<KeptAnswer>(COLLECTION, [account, name])
      if (kept?.atMs === atMs) writes.push({ collection: COLLECTION, key: [account, name], value: null })
    }
    if (writes.length > 0) await this.#documents.write(writes)
  }

  async #sweepNotes(beforeMs: number): Promise<void> {
    const range = { start: this.#sweptTo, end: `${PREFIX}\uffff`, limit: SWEEP_KEYS }
    const found = [...this.#notes.getRange(range)]
    this.#sweptTo = found.length < SWEEP_KEYS ? PREFIX : (found.at(-1)!.key as string)
    const old = found.filter(({ value }) => (JSON.parse(value.toString()) as KeptAnswer).atMs < beforeMs)
    if (old.length === 0) return
    try {
      await this.#notes.batch(() => {
        for (const { key } of old) this.#notes.remove(key)
      })
    } catch (error) {
      throw storeFailed(error)
    }
  }
}

/** The answer and its place in the order of time. */
export function answerWrites(account: string, key: string, kept: KeptAnswer): DocumentWrite[] {
  return [
    { collection: COLLECTION, key: [account, key], value: kept },
    { collection: 'idempotency-times', key: [kept.atMs, account, key], value: {} },
  ]
}

/** The answer as a note that is stored with the work itself, which is done then; null: outside of an Idempotency-Key. */
export function answerNote(running: Running | null, answer: unknown): Note | null {
  if (running === null) return null
  running.isStored = true
  const kept = { ...running.kept, answer: JSON.stringify(answer) }
  return { key: noteKey(running.account, running.key), value: Buffer.from(JSON.stringify(kept)) }
}
