/**
 * Small things that an account keeps under names of its own, such as templates: one document each, keyed [account, name].
 * Changes happen one after the other, so that what was looked at before a write still holds. Main thread.
 */
import type { Page, PageQuery } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import type { DocumentKey, Documents, DocumentWrite } from '../store/documents.js'

const NAME_LONGEST = 64
/** Of one kind and account. */
const NAMES_MOST = 1_000
/** Also half a surrogate pair, which no URL can have. */
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f/\u2028\u2029]|\p{Surrogate}/u

export interface NamedRecord {
  name: string
  createdAtMs: number
  updatedAtMs: number
}

export interface NamedKind {
  collection: string
  /** In messages: `template`. */
  noun: string
}

/** The name in its one form. @throws EngineError VALIDATION: it fits no path of a URL. */
export function checkedName(name: string): string {
  const normal = name.normalize('NFC')
  const isPath = normal === '.' || normal === '..'
  const fits = normal.trim() === normal && normal.length >= 1 && normal.length <= NAME_LONGEST
  if (fits && !isPath && !FORBIDDEN.test(normal)) return normal
  const message = `must be 1 to ${NAME_LONGEST} characters without a slash, control characters or spaces at its ends`
  throw new EngineError('VALIDATION', `The name ${message}.`, { fields: [{ pointer: '/name', message }] })
}

export class NamedDocuments<T extends NamedRecord> {
  readonly #documents: Documents
  readonly #kind: NamedKind
  #turn: Promise<unknown> = Promise.resolve()

  constructor(documents: Documents, kind: NamedKind) {
    this.#documents = documents
    this.#kind = kind
  }

  /** Runs `work` when all changes before it are durable. */
  async inTurn<R>(work: () => Promise<R>): Promise<R> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return await turn
  }

  /** null: there is none. */
  find(account: number, name: string): T | null {
    return this.#documents.get<T>(this.#kind.collection, [account, name.normalize('NFC')])
  }

  /** @throws EngineError NOT_FOUND. */
  get(account: number, name: string): T {
    const record = this.find(account, name)
    if (record === null) throw new EngineError('NOT_FOUND', `There is no such ${this.#kind.noun}.`)
    return record
  }

  /** @throws EngineError VALIDATION: there are so many already. */
  requireRoom(account: number): void {
    const { collection, noun } = this.#kind
    const count = this.#documents.list(collection, { prefix: [account], limit: NAMES_MOST }).length
    if (count < NAMES_MOST) return
    const message = `is one too many: an account has at most ${NAMES_MOST} ${noun}s`
    throw new EngineError('VALIDATION', `The ${noun} ${message}.`, { fields: [{ pointer: '/name', message }] })
  }

  all(account: number): T[] {
    return this.#documents.list<T>(this.#kind.collection, { prefix: [account] }).map(({ value }) => value)
  }

  /** By name; the cursor is the last name of the page before. */
  page(account: number, { limit, cursor }: PageQuery): Page<T> {
    const query = {
      prefix: [account],
      after: cursor === undefined ? undefined : ([account, cursor] as DocumentKey),
      limit: limit + 1,
    }
    const items = this.#documents.list<T>(this.#kind.collection, query).map(({ value }) => value)
    const isMore = items.length > limit
    if (isMore) items.pop()
    return { items, nextCursor: isMore ? items.at(-1)!.name : null }
  }

  write(account: number, name: string, record: T | null): DocumentWrite {
    return { collection: this.#kind.collection, key: [account, name], value: record }
  }
}
