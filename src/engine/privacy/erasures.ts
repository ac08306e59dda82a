/**
 * Erasing one number or address everywhere, one erasure after the other, in an order that may begin again after a kill: its
 * record is durable first, with the number encrypted, and goes through every step anew until it says that it is done. Main thread.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Accounts } from '../accounts/accounts.js'
import type { AnswerSeal } from '../accounts/answer-seal.js'
import type { Askers } from '../accounts/askers.js'
import type { Numbering } from '../accounts/numbering.js'
import type { Audit } from '../audit/audit.js'
import { crashPoint } from '../base/crash-point.js'
import { emailAddress } from '../base/email-address.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import type { ErasedCounts, ErasureOrder, ErasuresApi, ErasureView } from '../contract/erasures.js'
import { EngineError } from '../contract/errors.js'
import { erasureId, parseErasureId } from '../contract/ids.js'
import type { Log } from '../contract/log.js'
import { reasonHelp } from '../contract/reasons.js'
import { recipientAsked } from '../phone/recipient.js'
import type { Documents } from '../store/documents.js'
import type { DiskTraces } from './disk-traces.js'
import { type DocumentErasureDeps, eraseDocuments } from './erase-documents.js'
import type { FileErasure } from './erase-files.js'
import type { MessageErasure } from './erase-messages.js'
import type { TraceErasure } from './erase-traces.js'
import {
  ERASURES,
  ERASURES_OF,
  ERASURES_OPEN,
  type ErasureRecord,
  erasureView,
  noneErased,
  shownSubject,
} from './erasure-record.js'
import type { Subject } from './subject.js'

/** So long an order waits for its end before it is answered. */
const ANSWER_MS = 5_000
/** A message that was accepted while the store was looked through may have been missed. */
const PASSES_MOST = 3

export interface ErasuresDeps {
  documents: Documents
  accounts: Accounts
  askers: Askers
  audit: Audit
  numbering: Numbering
  clock: Clock
  log: Log
  seal: AnswerSeal
  messages: MessageErasure
  files: FileErasure
  traces: TraceErasure
  lists: DocumentErasureDeps
  disk: DiskTraces
  /** Removes the contacts of the subject; how many there were. */
  contacts(subject: Subject): Promise<number>
  isStopping(): boolean
  /** The process must stop. */
  fail(error: unknown): void
}

export class Erasures implements ErasuresApi {
  readonly #deps: ErasuresDeps
  #turn: Promise<void> = Promise.resolve()

  constructor(deps: ErasuresDeps) {
    this.#deps = deps
  }

  /** Call once at start. */
  resume(): void {
    for (const { key } of this.#deps.documents.list(ERASURES_OPEN)) this.#soon(key[0] as number)
  }

  async stop(): Promise<void> {
    await this.#turn
    await this.#deps.disk.idle()
  }

  async create(principal: Principal, order: ErasureOrder): Promise<ErasureView> {
    const { askers, audit, clock, numbering } = this.#deps
    const asker = askers.number(principal)
    const account = this.#accountOf(asker, order)
    const subject = { ...this.#subjectOf(account, order), account }
    const { value, write } = numbering.take('erasure')
    const record: ErasureRecord = {
      erasure: value,
      account,
      accountId: account === null ? null : this.#deps.accounts.byNumber(account)!.id,
      asker,
      subject: shownSubject(subject),
      sealed: this.#sealed(value, subject),
      erased: noneErased(),
      suppressions: 0,
      overwrittenAtMs: null,
      createdAtMs: clock.now(),
      finishedAtMs: null,
    }
    this.#deps.disk.mark()
    const writes = [
      write,
      { collection: ERASURES, key: [value], value: record },
      { collection: ERASURES_OPEN, key: [value], value: {} },
      ...(account === null ? [] : [{ collection: ERASURES_OF, key: [account, value], value: {} }]),
    ]
    await audit.write(writes, {
      principal,
      action: 'erasure.create',
      object: `erasure/${erasureId(value)}`,
      account: account === null ? null : this.#deps.accounts.byNumber(account),
      after: { subject: record.subject, account },
    })
    crashPoint('erasure-made')
    const ended = new AbortController()
    await Promise.race([this.#soon(value), pause(ANSWER_MS, undefined, { ref: false, signal: ended.signal })])
    ended.abort()
    return erasureView(this.#record(value)!)
  }

  /** @throws EngineError FORBIDDEN, NOT_FOUND. */
  #accountOf(asker: number | null, { account }: ErasureOrder): number | null {
    if (account === undefined) return asker
    if (asker !== null && this.#deps.accounts.byNumber(asker)?.id !== account) throw noAccount()
    return this.#deps.accounts.find(account) ?? fail(noAccount())
  }

  /** @throws EngineError INVALID_NUMBER, VALIDATION. */
  #subjectOf(account: number | null, { number, email }: ErasureOrder): Pick<Subject, 'stored' | 'isEmail'> {
    if ((number === undefined) === (email === undefined)) {
      const fields = [{ pointer: '/number', message: 'or email: one of the two' }]
      throw new EngineError('VALIDATION', 'Name a number or an email address, one of the two.', { fields })
    }
    if (email !== undefined) {
      const address = emailAddress(email)
      if (address === null) throw new EngineError('INVALID_NUMBER', reasonHelp('INVALID_EMAIL'))
      return { stored: address.toLowerCase(), isEmail: true }
    }
    const reading = account === null ? null : this.#deps.accounts.byNumber(account)
    const recipient = number!.includes('@') ? null : recipientAsked(reading, number!)
    if (recipient === null) throw new EngineError('INVALID_NUMBER', reasonHelp('INVALID_NUMBER'))
    return { stored: recipient.replace('+', ''), isEmail: false }
  }

  get(principal: Principal, id: string): ErasureView {
    const asker = this.#deps.askers.number(principal)
    const number = parseErasureId(id)
    const record = number === null ? null : this.#record(number)
    if (record === null || (asker !== null && record.account !== asker)) {
      throw new EngineError('NOT_FOUND', 'There is no such erasure.')
    }
    return erasureView(record)
  }

  list(principal: Principal, { limit, cursor }: PageQuery): Page<ErasureView> {
    const asker = this.#deps.askers.number(principal)
    const [collection, prefix] = asker === null ? [ERASURES, []] : [ERASURES_OF, [asker]]
    const before = cursor === undefined ? undefined : (parseErasureId(cursor) ?? 0)
    const after = before === undefined ? {} : { after: [...prefix, before] }
    const found = this.#deps.documents.list(collection, { prefix, reverse: true, limit, ...after })
    const records = found.map(({ key }) => this.#record(key.at(-1) as number)!)
    const last = found.length < limit ? null : records.at(-1)!
    return { items: records.map(erasureView), nextCursor: last === null ? null : erasureId(last.erasure) }
  }

  #record(erasure: number): ErasureRecord | null {
    return this.#deps.documents.get<ErasureRecord>(ERASURES, [erasure])
  }

  #soon(erasure: number): Promise<void> {
    this.#turn = this.#turn.then(() => this.#run(erasure))
    return this.#turn
  }

  async #run(erasure: number): Promise<void> {
    const { isStopping, fail: stop, log } = this.#deps
    const record = this.#record(erasure)
    if (isStopping() || record === null || record.sealed === null) return
    try {
      await this.#erase(record, this.#opened(erasure, record.sealed))
    } catch (error) {
      // A dispatcher that stops answers no more; the next start begins again.
      if (isStopping()) return
      log.error({ error, erasure: erasureId(erasure) }, 'an erasure failed')
      // It stays open, and is begun again with the next start.
      if (error instanceof EngineError && error.code === 'STORE_FAILED') stop(error)
    }
  }

  async #erase(record: ErasureRecord, subject: Subject): Promise<void> {
    const { messages, files, traces, contacts, lists, disk, clock } = this.#deps
    disk.mark()
    // Of one that was begun before: what it had erased by then, and does not find again.
    const erased = { ...noneErased(), ...record.erased }
    const add = (more: Partial<ErasedCounts>) => this.#add(record, erased, more)
    for (let pass = 0; pass < PASSES_MOST; pass++) {
      const spans = await messages.spans(subject)
      await add({ fileLines: await files.erase(subject, spans) })
      crashPoint('erasure-files')
      const found = await messages.erase(subject, add)
      if (found === 0) break
    }
    const suppressions = await traces.erase(subject, add)
    crashPoint('erasure-traces')
    await add({ contacts: await contacts(subject) })
    await add({ answers: await eraseDocuments(lists, subject) })
    if (!(await disk.overwrite())) return
    crashPoint('erasure-overwritten')
    const nowMs = clock.now()
    await this.#finish({ ...record, sealed: null, erased, suppressions, overwrittenAtMs: nowMs, finishedAtMs: nowMs })
    crashPoint('erasure-done')
    // The encrypted number was in a page that is free now.
    await disk.overwrite()
  }

  /** Durable, so that one that is resumed after a kill goes on counting. */
  async #add(record: ErasureRecord, erased: ErasedCounts, more: Partial<ErasedCounts>): Promise<void> {
    const found = Object.entries(more).filter(([, count]) => count > 0)
    if (found.length === 0) return
    for (const [what, count] of found) erased[what as keyof ErasedCounts] += count
    await this.#deps.documents.put(ERASURES, [record.erasure], { ...record, erased })
  }

  async #finish(record: ErasureRecord): Promise<void> {
    const { audit, accounts } = this.#deps
    const writes = [
      { collection: ERASURES, key: [record.erasure], value: record },
      { collection: ERASURES_OPEN, key: [record.erasure], value: null },
    ]
    await audit.write(writes, {
      principal: null,
      action: 'erasure.done',
      object: `erasure/${erasureId(record.erasure)}`,
      account: record.account === null ? null : accounts.byNumber(record.account),
      after: record.erased,
    })
  }

  #sealed(erasure: number, subject: Subject): string {
    return this.#deps.seal.seal(sealedFor(erasure), JSON.stringify(subject))
  }
  #opened(erasure: number, sealed: string): Subject {
    return JSON.parse(this.#deps.seal.open(sealedFor(erasure), sealed)) as Subject
  }
}

function sealedFor(erasure: number) {
  return { account: ':erasure', key: String(erasure), fingerprint: '' }
}

function noAccount(): EngineError {
  return new EngineError('NOT_FOUND', 'There is no such account.')
}

function fail(error: EngineError): never {
  throw error
}
