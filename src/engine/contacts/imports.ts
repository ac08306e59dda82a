/**
 * Imports of contacts from files: the file to disk first, then piece by piece into contacts in the ingest threads. What is
 * done is written with the contacts of each piece, so that an import goes on after a kill where it was. Main thread.
 */
import { mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { AccountRecord } from '../accounts/account-record.js'
import type { Accounts } from '../accounts/accounts.js'
import type { Askers } from '../accounts/askers.js'
import type { Numbering } from '../accounts/numbering.js'
import type { Audit } from '../audit/audit.js'
import { csvCell } from '../base/csv-cell.js'
import { parseTime } from '../base/instant.js'
import { plainBytes } from '../base/plain-bytes.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import type { ImportProgress } from '../contract/contact-tasks.js'
import type { ImportSettings, ImportView } from '../contract/contacts.js'
import { EngineError } from '../contract/errors.js'
import { importId, parseImportId } from '../contract/ids.js'
import type { SniffResult } from '../contract/ingest.js'
import type { ColumnRef } from '../contract/job.js'
import { limits } from '../contract/limits.js'
import type { Log } from '../contract/log.js'
import type { FairPool } from '../jobs/fair-pool.js'
import type { JobRecord } from '../jobs/job-record.js'
import { refuseOddLength } from '../jobs/odd-length.js'
import { type Received, receive } from '../jobs/upload-file.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import type { ContactRunner } from './contact-runner.js'
import type { Erasure } from './erasure.js'
import { importProgress, importRejects } from './import-progress.js'
import { checkImport, type ImportRecord, importView, planImport, savedColumns } from './import-record.js'

export interface ImportsDeps {
  runner: ContactRunner
  pool: FairPool
  documents: Documents
  numbering: Numbering
  askers: Askers
  accounts: Accounts
  audit: Audit
  clock: Clock
  log: Log
  erasure: Erasure
  dataDir: string
  /** @throws EngineError STORE_FULL, SHUTTING_DOWN. */
  admit(): void
  /** True: the disk has room for what a file becomes. */
  room(): Promise<boolean>
}

const BROKEN = 'The upload broke off; send the file again: contacts that are there already are not doubled.'

export class Imports {
  readonly #deps: ImportsDeps
  readonly #folder: string
  /** Imports under way, as they are stored. */
  readonly #open = new Map<number, ImportRecord>()
  readonly #ends = new Set<Promise<void>>()
  readonly #stopped = new AbortController()
  /** Whose time has come, until they are over. */
  readonly #due = new Set<number>()
  /** Runs under way; they resolve whatever becomes of them. */
  readonly #running = new Map<number, Promise<void>>()
  /** To be left where they are. */
  readonly #canceled = new Set<number>()

  constructor(deps: ImportsDeps) {
    this.#deps = deps
    this.#folder = path.join(deps.dataDir, 'imports')
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
  }

  /** Takes up what the last run of the process left. */
  async resume(): Promise<void> {
    this.#deps.erasure.resume()
    for (const { value } of this.#deps.documents.list<{ account: number; import: number }>('imports-open')) {
      const record = this.#deps.documents.get<ImportRecord>('imports', [value.account, value.import])
      if (record === null) continue
      this.#open.set(record.import, record)
      if (record.upload === null) await this.#failed(record, new EngineError('BAD_REQUEST', BROKEN))
      else if (record.state !== 'scheduled') this.#begin(record).catch(() => {})
    }
  }

  /** Begins no further piece; what is done is gone on with at the next start. */
  async stop(): Promise<void> {
    this.#stopped.abort(new EngineError('SHUTTING_DOWN', 'The engine is stopping.'))
    await Promise.allSettled([...this.#ends, this.#deps.erasure.stop()])
  }

  /** Begins the imports whose time has come. */
  tick(): void {
    const nowMs = this.#deps.clock.now()
    for (const record of this.#open.values()) {
      if (record.state === 'scheduled' && (record.atMs ?? 0) <= nowMs && !this.#due.has(record.import)) {
        this.#due.add(record.import)
        this.#beginDue(record).catch(() => {})
      }
    }
  }

  async #beginDue(record: ImportRecord): Promise<void> {
    try {
      await this.#begin(await this.#save(record, { state: 'running' }))
    } finally {
      this.#due.delete(record.import)
    }
  }

  /** What was imported stays. @throws EngineError WRONG_STATE. */
  async cancel(record: ImportRecord, principal: Principal): Promise<void> {
    const now = this.#open.get(record.import)
    if (now === undefined || now.state === 'receiving') {
      const state = now?.state ?? record.state
      throw new EngineError('WRONG_STATE', `The import is ${state}; only one that waits or runs can be canceled.`)
    }
    this.#canceled.add(record.import)
    await this.#running.get(record.import)
    this.#canceled.delete(record.import)
    if (!this.#open.has(record.import)) throw new EngineError('WRONG_STATE', 'The import has ended meanwhile.')
    await this.#save(record, { state: 'canceled', finishedAtMs: this.#deps.clock.now() })
    const account = { id: record.accountId, number: record.account }
    const object = `import/${importId(record.import)}`
    await this.#deps.audit.write([], { principal, action: 'contact.import.cancel', object, account })
  }

  async import(principal: Principal, settings: ImportSettings, body: AsyncIterable<Buffer>): Promise<ImportView> {
    const account = this.#deps.askers.record(principal)
    checkImport(settings, this.#deps.clock.now())
    const record = await this.#create(principal, account, settings)
    const end = this.#receive(record, body)
    this.#ends.add(end)
    try {
      await end
    } finally {
      this.#ends.delete(end)
    }
    const received = this.#open.get(record.import)!
    // A later one is begun by a tick.
    if (received.state === 'scheduled') return this.view(received)
    const done = this.#begin(received)
    if (received.upload!.bytes <= limits.sniffBytes) await done
    else done.catch(() => {})
    return this.view(this.find(account.number, importId(record.import)))
  }

  /** Columns of a job's file that are kept with the contacts: durable when it resolves, imported in the background. Once a job. */
  async ofJob(job: JobRecord, file: string): Promise<void> {
    const { documents, audit } = this.#deps
    if (documents.get('imports-of-job', [job.job]) !== null) return
    const account = { id: job.accountId, number: job.account }
    const number = this.#deps.numbering.take('import')
    const defaultCountry = this.#deps.accounts.byNumber(job.account)?.defaultCountry ?? null
    const draft = this.#draft(number.value, account, { settings: savedColumns(job), job: job.job, defaultCountry })
    const record: ImportRecord = { ...draft, state: 'running', upload: job.upload, labels: job.sniff!.columns.labels }
    const plan = planImport(record, file, job.sniff!)
    const mark = { collection: 'imports-of-job', key: [job.job], value: { import: number.value } }
    const writes = [...openWrites({ ...record, plan }), mark, number.write]
    const object = `import/${importId(record.import)}`
    await audit.write(writes, { principal: null, action: 'contact.import', object, account, after: record.settings })
    this.#open.set(record.import, { ...record, plan })
    this.#begin({ ...record, plan }).catch(() => {})
  }

  #draft(
    number: number,
    account: { id: string; number: number },
    { settings, job, defaultCountry }: Pick<ImportRecord, 'settings' | 'job' | 'defaultCountry'>,
  ): ImportRecord {
    return {
      import: number,
      account: account.number,
      accountId: account.id,
      state: 'receiving',
      reason: null,
      detail: null,
      settings,
      defaultCountry,
      job,
      upload: null,
      plan: null,
      labels: [],
      warnings: [],
      ...(settings.at === undefined ? {} : { atMs: parseTime(settings.at)! }),
      createdAtMs: this.#deps.clock.now(),
      finishedAtMs: null,
    }
  }

  async #create(principal: Principal, account: AccountRecord, settings: ImportSettings): Promise<ImportRecord> {
    const number = this.#deps.numbering.take('import')
    const { defaultCountry } = account
    const record = this.#draft(number.value, account, { settings, job: null, defaultCountry })
    const writes = [...openWrites(record), number.write]
    const object = `import/${importId(record.import)}`
    await this.#deps.audit.write(writes, { principal, action: 'contact.import', object, account, after: settings })
    this.#open.set(record.import, record)
    return record
  }

  async #receive(record: ImportRecord, body: AsyncIterable<Buffer>): Promise<void> {
    let received: Received
    try {
      const options = {
        file: this.#path(record),
        onWritten: async () => this.#deps.admit(),
        aborted: this.#stopped.signal,
      }
      received = await receive(plainBytes(body), options)
      if (received.bytes === 0) throw new EngineError('FILE_EMPTY', 'The file has no bytes.')
    } catch (error) {
      const problem = error instanceof EngineError ? error : new EngineError('BAD_REQUEST', BROKEN, { cause: error })
      await this.#failed(record, problem)
      throw problem
    }
    const isLater = (record.atMs ?? 0) > this.#deps.clock.now()
    await this.#save(record, { upload: received, state: isLater ? 'scheduled' : 'running' })
  }

  #path(record: ImportRecord): string {
    return path.join(this.#folder, `${importId(record.import)}.csv`)
  }

  /** Durable when it resolves. */
  async #save(record: ImportRecord, change: Partial<ImportRecord>): Promise<ImportRecord> {
    const next = { ...(this.#open.get(record.import) ?? record), ...change }
    const writes = [{ collection: 'imports', key: [next.account, next.import], value: next as ImportRecord | null }]
    const isEnded = next.state === 'finished' || next.state === 'failed' || next.state === 'canceled'
    if (isEnded) writes.push({ collection: 'imports-open', key: [next.import] as never, value: null })
    await this.#deps.documents.write(writes)
    if (isEnded) {
      this.#open.delete(next.import)
      rmSync(this.#path(next), { force: true })
    } else this.#open.set(next.import, next)
    return next
  }

  async #failed(record: ImportRecord, error: EngineError): Promise<void> {
    const { code, message } = error
    this.#deps.log.warn({ import: importId(record.import), code }, 'an import of contacts failed')
    const finishedAtMs = this.#deps.clock.now()
    await this.#save(record, { state: 'failed', reason: code, detail: message, finishedAtMs })
  }

  /** Rejects with what was wrong with the file, once the import is marked failed. */
  async #begin(record: ImportRecord): Promise<void> {
    const end = this.#run(record)
    this.#ends.add(end)
    this.#running.set(
      record.import,
      end.catch(() => {}),
    )
    try {
      await end
    } catch (error) {
      if (this.#stopped.signal.aborted || !this.#isWanted(record.import)) return
      const isKnown = error instanceof EngineError
      if (!isKnown) this.#deps.log.error({ import: importId(record.import), error }, 'an import of contacts broke')
      const problem = isKnown ? error : new EngineError('INTERNAL', 'The file could not be read.', { cause: error })
      if (problem.code !== 'STORE_FAILED') await this.#failed(record, problem)
      throw problem
    } finally {
      this.#ends.delete(end)
      this.#running.delete(record.import)
    }
  }

  async #run(record: ImportRecord): Promise<void> {
    const planned = record.plan === null ? await this.#plan(record) : record
    const bytes = planned.upload!.bytes
    let { next } = this.#progress(planned)
    let size: number = limits.rangeBytes
    while (next < bytes) {
      this.#stopped.signal.throwIfAborted()
      this.#requireWanted(planned)
      // As rows of jobs do: a write that found the disk full would stop the engine.
      if (!(await this.#deps.room())) continue
      const end = Math.min(next + size, bytes)
      const task = { kind: 'contactImport', plan: planned.plan!, start: next, end, last: end === bytes } as const
      const nowMs = this.#deps.clock.now()
      const done = await this.#deps.runner.run<ImportProgress>(planned.account, { ...task, nowMs })
      if (done.next === next && task.last) throw new EngineError('INTERNAL', 'The file could not be read to its end.')
      // A record longer than the piece: more of the file is needed to see its end.
      size = done.next === next ? size * 2 : limits.rangeBytes
      next = done.next
    }
    this.#requireWanted(planned)
    await this.#save(planned, { state: 'finished', finishedAtMs: this.#deps.clock.now() })
  }

  /** @throws EngineError WRONG_STATE: it was canceled. */
  #requireWanted({ import: number }: ImportRecord): void {
    if (this.#isWanted(number)) return
    throw new EngineError('WRONG_STATE', 'The import was canceled.')
  }
  #isWanted(number: number): boolean {
    return this.#open.has(number) && !this.#canceled.has(number)
  }

  async #plan(record: ImportRecord): Promise<ImportRecord> {
    const { file, sniff } = await this.#sniffed(record)
    refuseOddLength(sniff.dialect.encoding, record.upload!.bytes)
    const plan = planImport(record, file, sniff)
    return await this.#save(record, { plan, labels: sniff.columns.labels, warnings: sniff.warnings })
  }

  /** A file of addresses needs no column of numbers. */
  async #sniffed(record: ImportRecord): Promise<{ file: string; sniff: SniffResult }> {
    const { csv = {}, to } = record.settings
    const file = this.#path(record)
    const at = { path: file, available: record.upload!.bytes, complete: true }
    const look = async (columns: { to?: ColumnRef }): Promise<SniffResult> => {
      const task = { kind: 'sniff', ...at, csv, columns, labelsNeeded: false } as const
      return (await this.#deps.pool.run(-record.account, task, false)) as SniffResult
    }
    try {
      return { file, sniff: await look(to === undefined ? {} : { to }) }
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'RECIPIENT_COLUMN_MISSING') throw error
      const found = await look({ to: 1 })
      const sniff = { ...found, columns: { ...found.columns, phones: [] } }
      if (planImport(record, file, sniff).email < 0) throw error
      return { file, sniff }
    }
  }

  #progress(record: ImportRecord): ImportProgress {
    return importProgress(this.#deps.runner.tables, record.import, record.plan?.dialect ?? null)
  }

  /** @throws EngineError NOT_FOUND. */
  find(account: number, id: string): ImportRecord {
    const number = parseImportId(id)
    const stored = number === null ? null : this.#deps.documents.get<ImportRecord>('imports', [account, number])
    if (stored === null) throw new EngineError('NOT_FOUND', 'There is no such import.')
    return stored
  }

  view(record: ImportRecord): ImportView {
    const rejects: ImportView['rejects'] = []
    for (const piece of importRejects(this.#deps.runner.tables, record.import)) {
      rejects.push(...piece.slice(0, limits.importRejectsShown - rejects.length))
      if (rejects.length === limits.importRejectsShown) break
    }
    return importView(record, this.#progress(record), rejects)
  }

  list(account: number, { limit, cursor }: PageQuery): Page<ImportView> {
    const before = cursor === undefined ? undefined : (parseImportId(cursor) ?? 0)
    const found = this.#deps.documents.list<ImportRecord>('imports', {
      prefix: [account],
      after: before === undefined ? undefined : [account, before],
      reverse: true,
      limit: limit + 1,
    })
    const page = found.slice(0, limit).map(({ value }) => value)
    return {
      items: page.map((record) => this.view(record)),
      nextCursor: found.length > limit ? importId(page.at(-1)!.import) : null,
    }
  }

  async *rejects(record: ImportRecord): AsyncGenerator<string> {
    yield 'line,column,code,reason\n'
    for (const piece of importRejects(this.#deps.runner.tables, record.import)) {
      yield piece
        .map(({ line, column, code, reason }) => `${line},${column ?? ''},${code},${csvCell(reason)}\n`)
        .join('')
    }
  }
}

/** A new import, and that it is open. */
function openWrites(record: ImportRecord): DocumentWrite[] {
  const open = { account: record.account, import: record.import }
  return [
    { collection: 'imports', key: [record.account, record.import], value: record },
    { collection: 'imports-open', key: [record.import], value: open },
  ]
}
