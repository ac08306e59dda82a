/** Numbers that must not be messaged, as the API shows them, and the words that put them there. */
import type { Page, PageQuery, Principal } from './api.js'

/** api: one by one or as a JSON list. csv: a file. stop: the subscriber's word. link: the link in a message. voice: the digit in a call. */
export const SUPPRESSION_SOURCES = ['api', 'csv', 'stop', 'link', 'voice'] as const
export type SuppressionSource = (typeof SUPPRESSION_SOURCES)[number]

export interface SuppressionEntry {
  scope: 'account' | 'sender'
  /** Only messages from this sender; null: all of the account. */
  sender: string | null
  source: SuppressionSource
  at: string
  /** The word that it was asked with. */
  text: string | null
  /** Where that word was sent to. */
  address: string | null
  /** The subscriber's message. */
  inbound: string | null
  note: string | null
}

export interface SuppressionView {
  number: string
  /** At least one. While there is one without a sender, nothing of the account goes to the number. */
  entries: SuppressionEntry[]
}

export interface SuppressionFilter {
  source?: SuppressionSource
  since?: string
}

export interface SuppressionItem {
  number: string
  sender?: string
  note?: string
}

export interface ImportReport {
  /** Of the file or the list, empty lines not counted. */
  records: number
  added: number
  /** Were suppressed already, or came twice. */
  known: number
  rejected: number
  rejectedByReason: Record<string, number>
  /** The first thousand of them. `line`: of the file, or place in the list, from 1. */
  errors: { line: number; code: string; detail: string }[]
}

/** What the page behind a link in a message shows. */
export interface UnsubscribePage {
  /** The account's name. */
  name: string
  /** Masked. */
  number: string
  sender: string | null
  isSuppressed: boolean
}

export interface SuppressionsApi {
  /** An admin who names no account speaks of numbers that no account may message. @throws NOT_FOUND. */
  get(principal: Principal, number: string, sender?: string): SuppressionView
  /** Durable and in effect in every thread when it resolves. @throws INVALID_NUMBER. */
  put(principal: Principal, number: string, options: { sender?: string; note?: string }): Promise<SuppressionView>
  /** All entries, or those of one sender. @throws NOT_FOUND. */
  remove(principal: Principal, number: string, sender?: string): Promise<void>
  /** In order of number. A page may be short and still have a cursor: filters look at so many numbers at a time. */
  list(principal: Principal, query: PageQuery & SuppressionFilter): Page<SuppressionView>
  /** CSV, a line an entry. */
  export(principal: Principal, filter: SuppressionFilter): AsyncIterable<string>
  import(principal: Principal, items: (string | SuppressionItem)[]): Promise<ImportReport>
  /** `column`: label or position from 1. @throws FILE_NOT_CSV, RECIPIENT_COLUMN_MISSING, COLUMN_UNKNOWN, TOO_LARGE. */
  importCsv(principal: Principal, body: AsyncIterable<Buffer>, column?: string): Promise<ImportReport>
  /** null: no token of ours. */
  page(token: string): UnsubscribePage | null
  /** Durable and in effect when it resolves; null: no token of ours. */
  unsubscribe(token: string): Promise<UnsubscribePage | null>
}
