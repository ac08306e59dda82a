/** Reports as they are asked for: what became of every message of a job or of an account, and a job summed up. */
import type { Principal } from './api.js'
import type { ChannelName, StateName } from './message.js'
import type { ReasonCode } from './reasons.js'

export const REPORT_FORMATS = ['csv', 'ndjson'] as const
export type ReportFormat = (typeof REPORT_FORMATS)[number]

export interface ReportQuery {
  /** Default: csv. */
  format?: ReportFormat
  /** Only messages in one of these states; absent: all. */
  states?: readonly StateName[]
  /** Only messages that go this way. */
  channel?: ChannelName
}

/** The sent log of an account, over all its jobs and single messages. */
export interface LogQuery extends ReportQuery {
  /** When the message was made, RFC 3339; `until` is behind the last moment. */
  since?: string
  until?: string
  from?: string
  /** In any spelling. */
  to?: string
}

/** Messages that ended, or stand, in the same way. */
export interface OutcomeShare {
  state: StateName
  /** null: none is needed. */
  reason: ReasonCode | null
  /** One sentence to go with the reason. */
  help: string | null
  messages: number
}

export interface CarrierShare {
  carrier: string
  /** Messages that it took at least a part of. */
  submitted: number
  delivered: number
  /** Its refusals and failed tries, by its own status. */
  refusals: { status: number; statusName: string | null; times: number }[]
}

export interface JobSummary {
  id: string
  /** Most frequent first. */
  outcomes: OutcomeShare[]
  carriers: CarrierShare[]
  /** null: nothing was sent. */
  firstSubmittedAt: string | null
  lastOutcomeAt: string | null
}

export interface ReportsApi {
  /** Text in pieces, in the order of the file. @throws EngineError NOT_FOUND. */
  job(principal: Principal, id: string, query: ReportQuery): AsyncIterable<string>
  /** Text in pieces, newest messages first. @throws EngineError VALIDATION. */
  log(principal: Principal, query: LogQuery): AsyncIterable<string>
  /** @throws EngineError NOT_FOUND. */
  summary(principal: Principal, id: string): Promise<JobSummary>
}
