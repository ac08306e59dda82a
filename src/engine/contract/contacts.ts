/**
 * Contacts: the people (and companies) an account knows, with attributes, tags and what they agreed to. The key is the
 * number; a contact may have an email address beside it.
 */
import type { Page, PageQuery, Principal } from './api.js'
import type { FieldError } from './errors.js'
import type { CsvSettings } from './job.js'

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

export interface ContactView {
  number: string
  email: string | null
  company: string | null
  attributes: Record<string, AttributeValue>
  tags: string[]
  optIn: Partial<Record<OptInChannel, OptIn>>
  createdAt: string
  updatedAt: string
}

/** All of a contact: what is not given is empty. */
export interface ContactInput {
  email?: string | null
  company?: string | null
  attributes?: Record<string, AttributeValue>
  tags?: string[]
  optIn?: Partial<Record<OptInChannel, OptInInput>>
}

/** What changes: attributes and channels are merged, null takes one away; `tags` replaces all. */
export interface ContactPatch {
  email?: string | null
  company?: string | null
  attributes?: Record<string, AttributeValue | null>
  tags?: string[]
  addTags?: string[]
  removeTags?: string[]
  optIn?: Partial<Record<OptInChannel, OptInInput | null>>
}

/** One of a list: merged into what is there, its tags added to those it has. */
export interface ContactUpsert extends Omit<ContactPatch, 'addTags' | 'removeTags'> {
  number: string
}

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

export const IMPORT_STATES = ['receiving', 'running', 'finished', 'failed'] as const
export type ImportState = (typeof IMPORT_STATES)[number]

export interface ImportSettings {
  tag?: string
  /** Header label or position from 1 of the number; absent: found as for jobs. */
  to?: string
  /** The same for the email address; absent: a column that is called so. */
  email?: string
  company?: string
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
  sha256: string | null
  /** The column of numbers, and which column became which attribute; null until the file was looked at. */
  columns: { to: string; email: string | null; company: string | null; attributes: string[] } | null
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

export interface ContactsApi {
  /** @throws EngineError INVALID_NUMBER, VALIDATION. */
  put(principal: Principal, number: string, input: ContactInput): Promise<ContactView>
  /** @throws EngineError NOT_FOUND, VALIDATION. */
  patch(principal: Principal, number: string, patch: ContactPatch): Promise<ContactView>
  get(principal: Principal, number: string): ContactView
  remove(principal: Principal, number: string): Promise<void>
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
  importRejects(principal: Principal, id: string): AsyncIterable<string>
}

/** What is wrong with a list, handed from the worker. */
export interface ListProblem {
  fields: FieldError[]
}
