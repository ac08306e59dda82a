/** Durable counters for accounts, jobs and routes: a number is used up in the transaction that stores its owner. Main thread. */
import type { Documents, DocumentWrite } from '../store/documents.js'

export type NumberName = 'account' | 'job' | 'route' | 'import' | 'drop' | 'erasure'

export class Numbering {
  readonly #documents: Documents
  readonly #next = new Map<NumberName, number>()

  constructor(documents: Documents) {
    this.#documents = documents
  }

  /** The number, and the write that must go into the same batch as its owner. Numbers start at 1. */
  take(name: NumberName): { value: number; write: DocumentWrite } {
    const value = this.#next.get(name) ?? this.#documents.get<{ next: number }>('meta', [name])?.next ?? 1
    this.#next.set(name, value + 1)
    return { value, write: { collection: 'meta', key: [name], value: { next: value + 1 } } }
  }
}
