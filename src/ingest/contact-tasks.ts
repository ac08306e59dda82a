/** The tasks of an ingest thread that are about contacts: kind to function, over the thread's own view of their tables. */
import { audienceCount, audienceRows } from '../engine/audience/audience-walk.js'
import { addressKey } from '../engine/base/address-key.js'
import { emailAddress } from '../engine/base/email-address.js'
import { NumberFilter } from '../engine/base/number-filter.js'
import { exportContacts } from '../engine/contacts/contact-export.js'
import { mergeList } from '../engine/contacts/contact-list.js'
import { listContacts } from '../engine/contacts/contact-reader.js'
import type { ContactTables } from '../engine/contacts/contact-tables.js'
import { contactView } from '../engine/contacts/contact-view.js'
import { eraseStep } from '../engine/contacts/erase-account.js'
import { foldLast } from '../engine/contacts/last-messages.js'
import { applySingles } from '../engine/contacts/single-changes.js'
import type {
  AudienceCountResult,
  AudienceRowsResult,
  ContactExportResult,
  ContactSearchResult,
  ContactTask,
  ImportProgress,
  SingleResult,
} from '../engine/contract/contact-tasks.js'
import type { BulkView } from '../engine/contract/contacts.js'
import type { Environment } from '../engine/store/environment.js'
import { SuppressionCheck } from '../engine/store/suppression-table.js'
import { importPiece } from './contact-import.js'

type Task<K extends ContactTask['kind']> = Extract<ContactTask, { kind: K }>

export function contactTasks(tables: () => ContactTables, queue: () => Environment) {
  return {
    contactChanges: (task: Task<'contactChanges'>): SingleResult[] => applySingles(tables(), task),
    contactList: (task: Task<'contactList'>): BulkView => mergeList(tables(), task),
    contactSearch: (task: Task<'contactSearch'>): ContactSearchResult => {
      const { found, next } = listContacts(tables(), task)
      return { views: found.map((each) => contactView(tables(), task.account, each)), next }
    },
    contactExport: (task: Task<'contactExport'>): ContactExportResult => exportContacts(tables(), task),
    contactImport: (task: Task<'contactImport'>): ImportProgress => importPiece(tables(), task),
    contactLast: ({ account, blocks }: Task<'contactLast'>): number => foldLast(tables(), queue(), account, blocks),
    contactErase: ({ account }: Task<'contactErase'>): boolean => eraseStep(tables(), account),
    audienceRows: (task: Task<'audienceRows'>): AudienceRowsResult => audienceRows(tables(), task),
    audienceCount: ({ step }: Task<'audienceCount'>): AudienceCountResult => {
      const { account, from, channel, suppressions } = step
      if (suppressions === undefined) return audienceCount(tables(), step, () => false)
      const check = new SuppressionCheck(queue(), new NumberFilter(suppressions))
      return audienceCount(tables(), step, ({ number, email }) => {
        if (channel !== 'email') return typeof number === 'number' && check.has(account, number, from)
        const address = emailAddress(email ?? '')?.toLowerCase() ?? null
        return address !== null && check.hasAddress(account, addressKey(address), { from, address })
      })
    },
  }
}
