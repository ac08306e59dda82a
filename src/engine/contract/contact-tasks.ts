/** What the main thread asks of the ingest workers about contacts, and what they answer: by structured clone, in bounded pieces. */
import type { Audience } from './audience.js'
import type {
  AttributeValue,
  BulkView,
  ContactCounts,
  ContactKind,
  ContactView,
  ExportFormat,
  OptInChannel,
  OptInState,
} from './contacts.js'
import type { Dialect } from './ingest.js'
import type { ChannelName } from './message.js'

/** A number as an integer; one beyond 2^53 as text with '+'. */
export type NumberKey = number | string
/** What a contact is found by: its number, or its email address as contact-key.ts folds it. */
export type ContactKey = NumberKey | string

export interface StoredOptIn {
  state: OptInState
  source: string | null
  text: string | null
  atMs: number
  address: string | null
}

/**
 * put: all of it is new, but the time of its creation. patch: of a contact that is there. merge: of one that may be there;
 * `tags` are added. remove: all of it goes.
 */
export type ChangeMode = 'put' | 'patch' | 'merge' | 'remove'

/** One change of a contact, checked and in one form, whether it came by PUT, PATCH, in a list or as a row of a file. */
export interface ContactChange {
  key: ContactKey
  mode: ChangeMode
  /** null: it has none any more. Absent: it keeps what it has, or gets the key. */
  number?: NumberKey | null
  email?: string | null
  kind?: ContactKind
  /** Key of the contact that it belongs to. */
  memberOf?: ContactKey | null
  company?: string | null
  /** null takes one away. */
  attributes?: Record<string, AttributeValue | null>
  tags?: readonly string[]
  addTags?: readonly string[]
  removeTags?: readonly string[]
  optIn?: Partial<Record<OptInChannel, StoredOptIn | null>>
}

/** Why a change is not made: of one contact in a list or file the others are made nevertheless. */
export const CHANGE_PROBLEMS = ['missing', 'tooLarge', 'keyless', 'taken', 'orphan'] as const
export type ChangeProblem = (typeof CHANGE_PROBLEMS)[number]
/** What became of a change. */
export type ChangeEffect = 'added' | 'changed' | 'unchanged' | 'removed' | ChangeProblem

export interface SingleChange {
  account: number
  change: ContactChange
}
export interface SingleResult {
  /** null: refused as a whole, `problem` says why. */
  effect: ChangeEffect | null
  /** As it is now; null: there is none. */
  view: ContactView | null
  problem: string | null
}

/** What a file of contacts means: decided once, from its head. */
export interface ImportPlan {
  import: number
  account: number
  path: string
  dialect: Dialect
  defaultCountry: string | null
  tag: string | null
  kind: ContactKind | null
  /** Of every row. */
  optIn: Partial<Record<OptInChannel, StoredOptIn>> | null
  /** Columns from 0; -1: none. */
  to: number
  /** Of a job with several columns of numbers: all of them. The contact is that of the first mobile, else of the first number. */
  phones?: number[]
  email: number
  company: number
  memberOf: number
  tags: number
  /** Columns that become attributes. */
  attributes: { name: string; column: number }[]
  /** Fields that a record has. */
  width: number
}

/** How far an import is, stored with what it has written. */
export interface ImportProgress extends ContactCounts {
  /** Pieces done. */
  pieces: number
  /** Offset in the file up to which it is done. */
  next: number
  lines: number
}

/** Selects contacts for one step of an audience's walk. */
export interface AudienceStep {
  account: number
  audience: Audience
  /** Ids: behind this one, before that one. */
  after: number
  before: number
  channel: ChannelName
  /** The account demands that a contact has opted in. */
  requireOptIn: boolean
  /** The filter of suppressed numbers; absent: there is none. */
  suppressions?: SharedArrayBuffer
  /** Sender of the messages, '' where the carrier chooses it. */
  from: string
}

export type ContactTask =
  | { kind: 'contactChanges'; changes: SingleChange[]; nowMs: number }
  | { kind: 'contactList'; account: number; body: Uint8Array; defaultCountry: string | null; nowMs: number }
  | { kind: 'contactSearch'; account: number; tag: string | null; q: string; after: number; limit: number }
  | { kind: 'contactExport'; account: number; tag: string | null; format: ExportFormat; after: number; names: string[] }
  | { kind: 'contactImport'; plan: ImportPlan; start: number; end: number; last: boolean; nowMs: number }
  | { kind: 'contactErase'; account: number }
  | { kind: 'contactLast'; account: number; blocks: number[] }
  | { kind: 'audienceRows'; step: AudienceStep; columns: { label: string; source: string }[] }
  | { kind: 'audienceCount'; step: AudienceStep }

export type ContactListResult = BulkView

export interface ContactSearchResult {
  views: ContactView[]
  next: number | null
}
export interface ContactExportResult {
  text: string
  next: number | null
}
export interface AudienceRowsResult {
  /** Lines of CSV, a contact each. */
  bytes: Uint8Array
  rows: number
  /** Contacts looked at. */
  seen: number
  next: number | null
}
export interface AudienceCountResult {
  total: number
  sendable: number
  unreachable: number
  notOptedIn: number
  suppressed: number
  next: number | null
}
