/** Erasing what is stored of one number or email address, and what came of it. */
import type { Page, PageQuery, Principal } from './api.js'

/** One of the two. */
export interface ErasureOrder {
  number?: string
  email?: string
  /** Of the admin: only of this account; absent: of all. */
  account?: string
}

export const ERASURE_STATES = ['running', 'done'] as const

/** How many of each had something of it, and have it no more. */
export interface ErasedCounts {
  messages: number
  /** Of the messages: those that still waited. */
  canceled: number
  /** Lines of uploaded and dropped files that were blotted out. */
  fileLines: number
  contacts: number
  inbound: number
  events: number
  /** Answers to STOP, START and HELP. */
  replies: number
  /** Receipts that matched no message. */
  receipts: number
  /** Answers kept for repeated requests, and lists of suppressed numbers of jobs. */
  answers: number
}

export interface KeptThing {
  what: 'suppressions' | 'counts' | 'audit'
  count: number | null
  why: string
}

export interface ErasureView {
  id: string
  state: (typeof ERASURE_STATES)[number]
  /** null: of all accounts. */
  account: string | null
  /** Masked, such as +4477****123. */
  subject: string
  erased: ErasedCounts
  kept: KeptThing[]
  /** When what was freed in the store's files was overwritten; null: not yet. */
  overwrittenAt: string | null
  createdAt: string
  finishedAt: string | null
}

export interface ErasuresApi {
  /** Resolves when it is done, or some seconds later while it goes on. @throws EngineError INVALID_NUMBER, NOT_FOUND: the account; VALIDATION. */
  create(principal: Principal, order: ErasureOrder): Promise<ErasureView>
  /** @throws EngineError NOT_FOUND. */
  get(principal: Principal, id: string): ErasureView
  /** Newest first. */
  list(principal: Principal, query: PageQuery): Page<ErasureView>
}
