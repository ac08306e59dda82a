/** Puts Drop & Go together: the desk that the folder works with, and what the API shows. Main thread. */
import type { Askers } from '../accounts/askers.js'
import type { DataSecret } from '../accounts/data-secret.js'
import type { EngineApi } from '../contract/api.js'
import type { DropsApi } from '../contract/drops.js'
import type { Saved } from '../profiles/build-saved.js'
import type { Documents } from '../store/documents.js'
import type { WebhookDesk } from '../webhooks/webhook-desk.js'
import { DropBook } from './drop-book.js'
import { DropCredentials, type DropCredentialsDeps } from './drop-credentials.js'
import { DropDesk, type DropDeskDeps } from './drop-desk.js'
import { Drops } from './drops.js'

/** Enough to tell the engines of one folder apart. */
const OWNER_CHARS = 12

export interface DropParts
  extends Pick<DropDeskDeps, 'accounts' | 'numbering' | 'audit' | 'jobs' | 'clock' | 'metrics' | 'admit'>,
    Pick<Saved, 'profiles' | 'saved'>,
    Pick<DropCredentialsDeps, 'log' | 'sealed' | 'fail'> {
  documents: Documents
  /** Of the data directory. */
  secret: DataSecret
  askers: Askers
  webhooks: WebhookDesk
  /** Streams of the façade; asked for when the engine is whole. */
  engine(): Pick<EngineApi, 'rejects' | 'reports' | 'notices'>
}

export interface BuiltDrops {
  desk: DropDesk
  api: DropsApi
  /** Log-ins of SFTP and FTP. */
  credentials: DropCredentials
}

export function buildDrops(parts: DropParts): BuiltDrops {
  const { documents, accounts, askers, webhooks, engine } = parts
  const book = new DropBook(documents)
  const desk = new DropDesk({
    ...parts,
    ...{ owner: parts.secret.derive('drop-owner').toString('hex').slice(0, OWNER_CHARS), book },
    rejects: (principal, job) => engine().rejects(principal, job, false),
    report: (principal, job) => engine().reports.job(principal, job, {}),
    notify: (notice) => engine().notices.send(notice),
    news: {
      writes: (record, view) => webhooks.dropWrites(record, view),
      told: (account) => webhooks.dropWritten(account),
    },
  })
  const api = new Drops({ book, accounts, askers, view: desk.viewOf })
  return { desk, api, credentials: new DropCredentials(parts) }
}
