/**
 * Contacts: the people, companies, accounts and staff that an account knows, with attributes, tags and what they agreed to.
 * The key is the number, the email address, or either of both.
 */

import type { MessageView, Page, PageQuery, Principal } from './api.js'
import type { FieldError } from './errors.js'
import type { InboundView } from './inbound.js'
import type { CsvSettings } from './job.js'
import type { ChannelName, StateName } from './message.js'
import type { MessagePage } from './message-page.js'

/** Value of an attribute. Files give text; numbers are compared as numbers either way, see audience.ts. */
export type AttributeValue = string | number | boolean

export const OPT_IN_STATES = ['in', 'out', 'pending'] as const
export type OptInState = (typeof OPT_IN_STATES)[number]
export const OPT_IN_CHANNELS = ['sms', 'voice', 'email'] as const
export type OptInChannel = (typeof OPT_IN_CHANNELS)[number]

/** What somebody agreed to, and the evidence: where, to which words, when, and from which (network) address. */
export interface OptIn {
  state: OptInState
  source: string | null
  text: string | null
  /** RFC 3339. */
  at: string
  address: string | null
}
export interface OptInInput {
  state: OptInState
  source?: string | null
  text?: string | null
  /** Default: now. */
  at?: string
  address?: string | null
}

export const CONTACT_KINDS = ['person', 'company', 'account', 'staff'] as const
export type ContactKind = (typeof CONTACT_KINDS)[number]

/** The last message that was handed to a carrier for the contact, by any of its addresses. */
export interface LastMessage {
  /** Of the last thing that happened to it. RFC 3339. */
  at: string
  state: StateName
  channel: ChannelName
  id: string
}

/** `number` or `email` is null, never both. */
export interface ContactView {
  number: string | null
  email: string | null
  kind: ContactKind
  company: string | null
  /** Number, else address, of the contact that it belongs to, whose attributes are `~company.NAME~`. */
  memberOf: string | null
  attributes: Record<string, AttributeValue>
  tags: string[]
  optIn: Partial<Record<OptInChannel, OptIn>>
  /** null: nothing was sent since the contact is known. */
  lastMessage: LastMessage | null
  createdAt: string
  updatedAt: string
}

interface ContactKeys {
  /** Of a contact that is named by its address: it gets this number. Absent: it keeps what it has. */
  number?: string | null
  email?: string | null
  kind?: ContactKind
  /** Number or address of another contact. */
  memberOf?: string | null
}

/** All of a contact: what is not given is empty; a number stays. */
export interface ContactInput extends ContactKeys {
  company?: string | null
  attributes?: Record<string, AttributeValue>
  tags?: string[]
  optIn?: Partial<Record<OptInChannel, OptInInput>>
}

/** What changes: attributes and channels are merged, null takes one away; `tags` replaces all. */
export interface ContactPatch extends ContactKeys {
  company?: string | null
  attributes?: Record<string, AttributeValue | null>
  tags?: string[]
  addTags?: string[]
  removeTags?: string[]
  optIn?: Partial<Record<OptInChannel, OptInInput | null>>
}

/** One of a list: merged into what is there, its tags added to those it has. It has a number, or else an email. */
export type ContactUpsert = Omit<ContactPatch, 'addTags' | 'removeTags'>

/** A contact that was not taken. */
export interface ContactReject {
  /** Place in the list, from 0. */
  index: number
  code: string
  message: string
}

/** rows = added + changed + unchanged + rejected. */
export interface ContactCounts {
  rows: number
  added: number
  changed: number
  unchanged: number
  rejected: number
}
export interface BulkView extends ContactCounts {
  rejects: ContactReject[]
}

export const IMPORT_STATES = ['receiving', 'scheduled', 'running', 'finished', 'failed', 'canceled'] as const
export type ImportState = (typeof IMPORT_STATES)[number]

export interface ImportSettings {
  tag?: string
  /** Header label or position from 1 of the number; absent: found as for jobs. */
  to?: string
  /** The same for the email address; absent: a column that is called so. */
  email?: string
  company?: string
  /** Column of the number or address of the contact that each belongs to. */
  memberOf?: string
  /** Column of tags: several in one cell stand apart by a comma or semicolon. */
  tagColumn?: string
  /** What each of them is; default: a person. */
  kind?: ContactKind
  /** When it is to be imported, RFC 3339; absent: at once. */
  at?: string
  defaultCountry?: string
  /** Attribute → column: only these are taken. Absent: every column. */
  fields?: Record<string, string | number>
  csv?: CsvSettings
  /** Recorded for every row, with the evidence. */
  optIn?: Partial<Record<OptInChannel, OptInInput>>
}

/** A row that was not taken; `column` from 1, null: the record as a whole. */
export interface ImportReject {
  line: number
  column: number | null
  code: string
  reason: string
}

export interface ImportView {
  id: string
  state: ImportState
  /** Why a failed one is so. */
  reason: string | null
  detail: string | null
  settings: ImportSettings
  /** Job whose file it is of; null: a file of its own. */
  job: string | null
  counts: ContactCounts
  progress: { bytes: number; bytesDone: number; percent: number }
  /** Before which nothing of it is imported; null: at once. */
  scheduledAt: string | null
  sha256: string | null
  /** The column of numbers, and which column became which attribute; null until the file was looked at. */
  columns: { to: string | null; email: string | null; company: string | null; attributes: string[] } | null
  warnings: string[]
  /** The first hundred; all of them are in rejects.csv. */
  rejects: ImportReject[]
  createdAt: string
  finishedAt: string | null
}

export interface TagView {
  name: string
  contacts: number
}

export interface ContactQuery extends PageQuery {
  tag?: string
  /** Part of the number, email, company or of an attribute. */
  q?: string
}

export type ExportFormat = 'csv' | 'ndjson'

/** One message of a contact's history, as its own routes show it. */
export type HistoryItem =
  | { direction: 'sent'; at: string; message: MessageView; inbound: null }
  | { direction: 'received'; at: string; message: null; inbound: InboundView }

export interface ContactsApi {
  /** `key`: a number in any spelling, or an email address. @throws EngineError INVALID_NUMBER, VALIDATION, NAME_TAKEN. */
  put(principal: Principal, key: string, input: ContactInput): Promise<ContactView>
  /** @throws EngineError NOT_FOUND, VALIDATION. */
  patch(principal: Principal, key: string, patch: ContactPatch): Promise<ContactView>
  get(principal: Principal, key: string): ContactView
  remove(principal: Principal, key: string): Promise<void>
  /** Everything that was sent to the contact and came from it, newest first. @throws EngineError NOT_FOUND. */
  history(principal: Principal, key: string, query: PageQuery): Promise<MessagePage<HistoryItem>>
  list(principal: Principal, query: ContactQuery): Promise<Page<ContactView>>
  /** `body`: JSON octets of a list, read by a worker. Nothing is stored of a list that does not fit the schema. */
  upsert(principal: Principal, body: Uint8Array): Promise<BulkView>
  /** Text of the file in pieces. */
  export(principal: Principal, format: ExportFormat, tag: string | undefined): AsyncIterable<string>
  tags(principal: Principal, query: PageQuery): Page<TagView>
  /** Names of attributes that contacts of the account have or had. */
  attributes(principal: Principal): string[]
  /** Resolves when the last byte is durable; a small file is imported by then as well. */
  import(principal: Principal, settings: ImportSettings, body: AsyncIterable<Buffer>): Promise<ImportView>
  imports(principal: Principal, query: PageQuery): Page<ImportView>
  importOf(principal: Principal, id: string): ImportView
  /** Nothing more of it is imported; what is stays. @throws EngineError NOT_FOUND, WRONG_STATE. */
  cancelImport(principal: Principal, id: string): Promise<ImportView>
  importRejects(principal: Principal, id: string): AsyncIterable<string>
}

/** What is wrong with a list, handed from the worker. */
export interface ListProblem {
  fields: FieldError[]
}
