/**
 * Puts together what people may do to messages and to the jobs that are to send them: settle an unknown one, cancel one that
 * waits, change a draft, take up what failed. Main thread.
 */
import type { Accounts } from '../accounts/accounts.js'
import type { Askers } from '../accounts/askers.js'
import type { Idempotency } from '../accounts/idempotency.js'
import { Archive } from '../archive/archive.js'
import type { Audit } from '../audit/audit.js'
import type { Clock } from '../contract/clock.js'
import type { DispatcherLink } from '../dispatcher-link.js'
import { DraftDesk } from '../jobs/draft-desk.js'
import type { JobBook } from '../jobs/job-book.js'
import type { Jobs } from '../jobs/jobs.js'
import { dispatchOf } from '../jobs/release.js'
import type { SavedSettings } from '../profiles/saved-settings.js'
import { CancelDesk } from './cancel-desk.js'
import type { MessageReader } from './message-reader.js'
import { SettleDesk } from './settle-desk.js'

export interface MessageDeskParts {
  accounts: Accounts
  askers: Askers
  audit: Audit
  idempotency: Idempotency
  jobs: Jobs
  book: JobBook
  reader: MessageReader
  clock: Clock
  saved: SavedSettings
  link: DispatcherLink
}

export interface MessageDesks {
  retries: SettleDesk
  canceling: CancelDesk
  drafts: DraftDesk
  archive: Archive
}

export function buildMessageDesks(parts: MessageDeskParts): MessageDesks {
  const { accounts, link, reader } = parts
  return {
    retries: new SettleDesk({
      ...parts,
      dispatchOf: (record) => dispatchOf(record, accounts.byNumber(record.account)),
      settle: (task) => link.settle(task),
      blocksOf: (job) => reader.blocksOf(job),
    }),
    canceling: new CancelDesk({ ...parts, cancel: (refs) => link.cancelMessages(refs) }),
    drafts: new DraftDesk(parts),
    archive: new Archive(parts),
  }
}
