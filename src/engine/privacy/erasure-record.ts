/** An erasure as stored, and as the API shows it. Main thread. */
import { isoTime } from '../base/instant.js'
import type { ErasedCounts, ErasureView, KeptThing } from '../contract/erasures.js'
import { erasureId } from '../contract/ids.js'
import { maskAddress, maskNumber } from '../contract/log.js'
import type { Subject } from './subject.js'

export const ERASURES = 'erasures'
export const ERASURES_OPEN = 'erasures-open'
export const ERASURES_OF = 'erasures-of'

export interface ErasureRecord {
  erasure: number
  /** Of one account, or of all (null): number and id. */
  account: number | null
  accountId: string | null
  /** Number of the account that asked; null: the admin. */
  asker: number | null
  /** Masked. */
  subject: string
  /** The subject, encrypted under secret.key; null once it is done: from then on nothing here names it. */
  sealed: string | null
  erased: ErasedCounts
  suppressions: number
  overwrittenAtMs: number | null
  createdAtMs: number
  finishedAtMs: number | null
}

export function noneErased(): ErasedCounts {
  return {
    messages: 0,
    canceled: 0,
    fileLines: 0,
    contacts: 0,
    inbound: 0,
    events: 0,
    replies: 0,
    receipts: 0,
    answers: 0,
  }
}

export function shownSubject({ stored, isEmail }: Pick<Subject, 'stored' | 'isEmail'>): string {
  return isEmail ? maskAddress(stored) : maskNumber(`+${stored}`)
}

export function erasureView(record: ErasureRecord): ErasureView {
  return {
    id: erasureId(record.erasure),
    state: record.finishedAtMs === null ? 'running' : 'done',
    account: record.accountId,
    subject: record.subject,
    erased: record.erased,
    kept: keptOf(record),
    overwrittenAt: isoTime(record.overwrittenAtMs),
    createdAt: new Date(record.createdAtMs).toISOString(),
    finishedAt: isoTime(record.finishedAtMs),
  }
}

function keptOf({ suppressions }: ErasureRecord): KeptThing[] {
  return [
    {
      what: 'suppressions',
      count: suppressions,
      why: 'Who opted out must stay known, or the next message would reach them; the words beside it are erased.',
    },
    { what: 'counts', count: null, why: 'Counts, prices and usage name nobody, and balances must add up.' },
    { what: 'audit', count: null, why: 'The audit log names nobody: numbers in it are masked.' },
  ]
}
