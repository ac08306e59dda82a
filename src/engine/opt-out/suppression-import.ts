/**
 * Many numbers at once: a list in a request, or a file of any size, which an ingest thread reads and whose numbers come
 * back as a file. Nothing is suppressed before all of the file is there. Main thread, in short batches.
 */
import { randomBytes } from 'node:crypto'
import { createReadStream, mkdirSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { addressKey } from '../base/address-key.js'
import { emailAddress, mailboxOf } from '../base/email-address.js'
import { plainBytes } from '../base/plain-bytes.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import type { IngestTask, NumbersResult, SniffResult } from '../contract/ingest.js'
import { limits } from '../contract/limits.js'
import { reasonCode, reasonHelp } from '../contract/reasons.js'
import type { ImportReport, SuppressionItem, SuppressionSource } from '../contract/suppressions.js'
import { isSender } from '../jobs/create.js'
import type { RunTask } from '../jobs/fair-pool.js'
import { receive } from '../jobs/upload-file.js'
import type { NumberParser } from '../phone/number.js'
import { bareSender, type SuppressionReason, sealReasons } from '../store/suppression-table.js'
import { parserFor, type Recipient } from './number-of.js'
import { type StagedChange, type SuppressionBook, withReason } from './suppression-book.js'

export interface Importer {
  account: number
  defaultCountry: string | null
  shortCodes: boolean
}

export interface SuppressionImportDeps {
  book: SuppressionBook
  clock: Clock
  dataDir: string
  run: RunTask
}

/** Some milliseconds of the main thread, and one commit. */
const BATCH = 1_000
const PREFIX = 'suppressions-'

export class SuppressionImport {
  readonly #deps: SuppressionImportDeps
  readonly #folder: string

  constructor(deps: SuppressionImportDeps) {
    this.#deps = deps
    this.#folder = path.join(deps.dataDir, 'uploads')
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    // Of a process that was killed.
    for (const file of readdirSync(this.#folder)) {
      if (file.startsWith(PREFIX)) rmSync(path.join(this.#folder, file), { force: true })
    }
  }

  /** @throws EngineError TOO_LARGE. */
  async list(importer: Importer, items: (string | SuppressionItem)[]): Promise<ImportReport> {
    if (items.length > limits.suppressionsPerRequest) {
      const most = limits.suppressionsPerRequest
      throw new EngineError('TOO_LARGE', `At most ${most} numbers fit a request; send a file as text/csv.`)
    }
    const report = emptyReport()
    const parser = parserFor(importer.defaultCountry, importer.shortCodes)
    const batch = this.#batch(importer.account, 'api', report)
    for (const [index, item] of items.entries()) {
      const { number, sender, note } = typeof item === 'string' ? { number: item } : (item as SuppressionItem)
      const found = recipientIn(number, parser)
      report.records++
      if (typeof found === 'string') reject(report, index + 1, found)
      else if (sender !== undefined && !isSender(sender) && mailboxOf(sender) === null) {
        reject(report, index + 1, 'INVALID_SENDER')
      } else if (batch.add(found, { sender, note })) await batch.commit()
    }
    await batch.commit()
    return report
  }

  /** @throws EngineError as the API says; nothing was suppressed then. */
  async file(importer: Importer, body: AsyncIterable<Buffer>, column?: string): Promise<ImportReport> {
    const upload = path.join(this.#folder, `${PREFIX}${randomBytes(8).toString('hex')}.csv`)
    const numbers = `${upload}.numbers`
    try {
      const onWritten = async (): Promise<void> => {}
      const aborted = new AbortController().signal
      const { bytes } = await receive(plainBytes(body), { file: upload, onWritten, aborted })
      if (bytes === 0) throw new EngineError('FILE_EMPTY', 'The file has no bytes.')
      return await this.#read(importer, { upload, numbers, bytes, column })
    } finally {
      rmSync(upload, { force: true })
      rmSync(numbers, { force: true })
    }
  }

  async #read(
    { account, defaultCountry, shortCodes }: Importer,
    file: { upload: string; numbers: string; bytes: number; column: string | undefined },
  ): Promise<ImportReport> {
    const { upload, numbers, bytes, column } = file
    const at = { path: upload, available: bytes, complete: true }
    const columns = column === undefined ? {} : { to: /^\d{1,3}$/.test(column) ? Number(column) : column }
    const sniff = (await this.#run({ kind: 'sniff', ...at, csv: {}, columns, labelsNeeded: false })) as SniffResult
    const task: IngestTask = { kind: 'numbers', ...at, out: numbers, ...sniff, defaultCountry, shortCodes }
    const report: ImportReport = { added: 0, known: 0, ...((await this.#run(task)) as NumbersResult) }
    const batch = this.#batch(account, 'csv', report)
    for await (const line of createInterface({ input: createReadStream(numbers) })) {
      const [written, sender] = line.split('\t')
      if (batch.add(recipientRead(written!), { sender })) await batch.commit()
    }
    await batch.commit()
    return report
  }

  #run(task: IngestTask): Promise<unknown> {
    return this.#deps.run(task)
  }

  #batch(account: number, source: SuppressionSource, report: ImportReport): ImportBatch {
    return new ImportBatch(this.#deps.book, { account, source, atMs: this.#deps.clock.now(), report })
  }
}

interface Origin {
  account: number
  source: SuppressionSource
  atMs: number
  report: ImportReport
}

/** Numbers of one import on their way to the disk. */
class ImportBatch {
  readonly #book: SuppressionBook
  readonly #origin: Origin
  /** What nearly every number gets: the same for all. */
  readonly #plain: readonly SuppressionReason[]
  readonly #sealed: Buffer
  #changes: StagedChange[] = []

  constructor(book: SuppressionBook, origin: Origin) {
    this.#book = book
    this.#origin = origin
    this.#plain = [{ source: origin.source, atMs: origin.atMs }]
    this.#sealed = sealReasons([...this.#plain])
  }

  /** True: the batch is full. */
  add({ number, mail }: Recipient, { sender, note }: { sender?: string; note?: string }): boolean {
    const { account, source, atMs, report } = this.#origin
    const place = { account, number, mail }
    const before = this.#book.reasons(place)
    if (before.length === 0) report.added++
    else report.known++
    if (before.length === 0 && sender === undefined && note === undefined) {
      this.#changes.push(this.#book.stage(place, this.#plain, this.#sealed))
    } else {
      const reason = { sender: sender === undefined ? undefined : bareSender(sender), source, atMs, note }
      const isKept = before.some((one) => one.source === source && one.sender === reason.sender)
      if (!isKept || note !== undefined) this.#changes.push(this.#book.stage(place, withReason(before, reason)))
    }
    return this.#changes.length >= BATCH
  }

  async commit(): Promise<void> {
    const changes = this.#changes
    this.#changes = []
    if (changes.length > 0) await this.#book.commit(changes)
  }
}

/** What a list names; a text: why it is neither a number nor an address. */
function recipientIn(written: string, parser: NumberParser): Recipient | ReturnType<typeof reasonCode> {
  if (written.includes('@')) {
    const mail = emailAddress(written)
    return mail === null ? 'INVALID_EMAIL' : { number: addressKey(mail), mail }
  }
  const { reason, value } = parser.parse(written)
  return reason === 0 ? { number: value } : reasonCode(reason)
}

/** As an ingest thread wrote it. */
function recipientRead(text: string): Recipient {
  return text.includes('@') ? { number: addressKey(text), mail: text } : { number: integerOf(text) }
}

/** As the parser of numbers counts, also where the digits are too many to be exact. */
function integerOf(digits: string): number {
  let value = 0
  for (let at = 0; at < digits.length; at++) value = value * 10 + digits.charCodeAt(at) - 48
  return value
}

function emptyReport(): ImportReport {
  return { records: 0, added: 0, known: 0, rejected: 0, rejectedByReason: {}, errors: [] }
}

function reject(report: ImportReport, line: number, code: ReturnType<typeof reasonCode>): void {
  report.rejected++
  report.rejectedByReason[code] = (report.rejectedByReason[code] ?? 0) + 1
  if (report.errors.length < limits.importErrors) report.errors.push({ line, code, detail: reasonHelp(code) })
}
