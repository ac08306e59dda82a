/** Puts erasure and retention together. Main thread. */
import type { Accounts } from '../accounts/accounts.js'
import { AnswerSeal } from '../accounts/answer-seal.js'
import type { Askers } from '../accounts/askers.js'
import type { DataSecret } from '../accounts/data-secret.js'
import type { Numbering } from '../accounts/numbering.js'
import type { Audit } from '../audit/audit.js'
import { AuditAnchors } from '../audit/audit-anchors.js'
import type { Config } from '../config/schema.js'
import type { BuiltContacts } from '../contacts/build-contacts.js'
import { emailKey, keyOf } from '../contacts/contact-key.js'
import type { ContactTables } from '../contacts/contact-tables.js'
import type { Clock } from '../contract/clock.js'
import type { Log } from '../contract/log.js'
import type { DispatcherLink } from '../dispatcher-link.js'
import type { JobBook } from '../jobs/job-book.js'
import type { Documents } from '../store/documents.js'
import type { LmdbStore } from '../store/lmdb-store.js'
import { DiskTraces } from './disk-traces.js'
import { FileErasure } from './erase-files.js'
import { MessageErasure } from './erase-messages.js'
import { TraceErasure } from './erase-traces.js'
import { Erasures } from './erasures.js'
import { Retention } from './retention.js'
import { BlockRetention } from './retention-blocks.js'
import type { Subject } from './subject.js'

export interface PrivacyParts {
  config: Config
  documents: Documents
  store: LmdbStore
  tables: ContactTables
  contacts: BuiltContacts
  accounts: Accounts
  askers: Askers
  audit: Audit
  numbering: Numbering
  secret: DataSecret
  book: JobBook
  clock: Clock
  log: Log
  link: DispatcherLink
  isStopping(): boolean
  fail(error: unknown): void
}

export interface BuiltPrivacy {
  erasures: Erasures
  retention: Retention
  anchors: AuditAnchors
}

export function buildPrivacy(parts: PrivacyParts): BuiltPrivacy {
  const { accounts, book, config, documents, link, store, tables } = parts
  const { environment } = store
  const disk = new DiskTraces({
    ...{ environment, dataDir: config.dataDir, isStopping: parts.isStopping },
    others: [documents.root, tables.root],
  })
  const erasures = new Erasures({
    ...{ ...parts, disk, seal: new AnswerSeal(parts.secret) },
    messages: new MessageErasure({
      environment,
      cancel: (refs) => link.cancelMessages(refs),
      redact: (task) => link.redact(task),
      snapshot: () => link.snapshot(),
      isRead: (job) => book.get(job)?.totals != null,
    }),
    files: new FileErasure({
      ...{ dataDir: config.dataDir, book, documents },
      dropRoot: config.dropFolder?.root ?? null,
      accountId: (account) => accounts.byNumber(account)?.id ?? null,
    }),
    traces: new TraceErasure(environment),
    lists: { documents, unlist: (job, keeps) => unlist(book, job, keeps) },
    contacts: (subject) => forgetContacts(parts, subject),
  })
  const blocks = new BlockRetention({ ...parts, redact: (task) => link.redact(task) })
  const retention = new Retention({ ...parts, ...config.retention, dataDir: config.dataDir, blocks, disk })
  return { erasures, retention, anchors: new AuditAnchors(parts) }
}

async function unlist(book: JobBook, job: number, keeps: (number: string) => boolean): Promise<void> {
  await book.update(job, ({ settings }) => {
    return { settings: { ...settings, suppressed: (settings.suppressed ?? []).filter(keeps) } }
  })
}

async function forgetContacts({ accounts, contacts }: PrivacyParts, subject: Subject): Promise<number> {
  const { stored, isEmail } = subject
  const key = isEmail ? emailKey(stored) : keyOf({ value: Number(stored), digits: stored })
  const own = subject.account === null ? accounts.numbers() : [subject.account]
  let count = 0
  for (const account of own) count += await contacts.forget(account, key)
  return count
}
