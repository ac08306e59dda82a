/** Blots a number or address out of files: those of jobs and imports, and those that were filed away in the drop folder. Main thread. */
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { parseImportId, parseJobId } from '../contract/ids.js'
import type { JobBook } from '../jobs/job-book.js'
import type { Documents } from '../store/documents.js'
import type { FileSpans } from './erase-messages.js'
import { maskFile } from './mask-file.js'
import type { Span } from './mask-text.js'
import type { Subject } from './subject.js'

const FILED = ['processed', 'error']

export interface FileErasureDeps {
  dataDir: string
  /** Of the drop folder; null: there is none. */
  dropRoot: string | null
  book: JobBook
  documents: Documents
  /** Ids of accounts, by number; null: gone. */
  accountId(account: number): string | null
}

export class FileErasure {
  readonly #deps: FileErasureDeps

  constructor(deps: FileErasureDeps) {
    this.#deps = deps
  }

  /** Lines that were masked. `spans`: by job, the records that became messages of the subject. */
  async erase(subject: Subject, spans: FileSpans): Promise<number> {
    return (await this.#uploads(subject, spans)) + (await this.#imports(subject)) + (await this.#filed(subject))
  }

  async #uploads(subject: Subject, spans: FileSpans): Promise<number> {
    const folder = path.join(this.#deps.dataDir, 'uploads')
    const byFile = this.#byFile(spans)
    let lines = 0
    for (const name of await names(folder)) {
      const job = parseJobId(name.slice(0, -'.csv'.length))
      const record = job === null ? null : this.#deps.book.get(job)
      if (record === null || !isOf(subject, record.account)) continue
      const delimiter = record.sniff?.dialect.delimiter ?? ''
      const records = byFile.get(record.job) ?? []
      lines += await maskFile(path.join(folder, name), { subject, records, delimiter })
    }
    return lines
  }

  /** Runs and retries have their rows in the file of another job. */
  #byFile(spans: FileSpans): Map<number, Span[]> {
    const byFile = new Map<number, Span[]>()
    for (const [job, records] of spans) {
      const record = this.#deps.book.get(job)
      const file = record?.retry?.file ?? record?.file ?? job
      byFile.set(file, [...(byFile.get(file) ?? []), ...records])
    }
    return byFile
  }

  async #imports(subject: Subject): Promise<number> {
    const folder = path.join(this.#deps.dataDir, 'imports')
    let lines = 0
    for (const name of await names(folder)) {
      const number = parseImportId(name.slice(0, -'.csv'.length))
      if (number === null || !this.#hasImport(subject, number)) continue
      lines += await maskFile(path.join(folder, name), { subject })
    }
    return lines
  }

  #hasImport({ account }: Subject, number: number): boolean {
    return account === null || this.#deps.documents.get('imports', [account, number]) !== null
  }

  /** The dropped files and what was written beside them. */
  async #filed(subject: Subject): Promise<number> {
    const { dropRoot } = this.#deps
    if (dropRoot === null) return 0
    const own = subject.account === null ? await names(dropRoot) : [this.#deps.accountId(subject.account)]
    let lines = 0
    for (const account of own) {
      if (account === null) continue
      for (const area of FILED) {
        const folder = path.join(dropRoot, account, area)
        for (const name of await names(folder)) lines += await maskFile(path.join(folder, name), { subject })
      }
    }
    return lines
  }
}

function isOf(subject: Subject, account: number): boolean {
  return subject.account === null || subject.account === account
}

/** None where there is no such folder. */
async function names(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => [])
}
