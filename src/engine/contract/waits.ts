/**
 * Why a message waits at this moment: stable codes, one sentence of help each, and what an answer says of each wait.
 * `GET /v1/messages/:id/explain` puts first what holds the message now; what follows would hold it next.
 */
import type { MessageView } from './api.js'
import type { ExplainView } from './explain.js'
import type { ReasonCode } from './reasons.js'

export const WAIT_REASONS = {
  JOB_NOT_RELEASED: 'The job is not released: its file is still read, or it waits for POST …/start (review).',
  JOB_PAUSED: 'The job is paused; POST …/resume lets it go on.',
  JOB_SCHEDULED: 'The job has a time of its own that is to come: sendAt.',
  ACCOUNT_SUSPENDED: 'The account is suspended; nothing of it is sent until that ends.',
  NOT_DUE: 'The message has a time of its own that is to come.',
  SENDING_HOURS: 'It is outside the sending hours of the job or of the account.',
  BACKOFF: 'The carrier refused it for the time being, or did not answer; it is tried again at the time given.',
  CALLED_AGAIN:
    'The last call came to nothing; the number is called again at the time given, within the sending hours.',
  BEHIND_SAME_NUMBER: 'An earlier message of the job to the same number is on its way; they leave in order.',
  SUPPRESSED: 'The recipient has opted out: it fails when its turn comes, and is not sent.',
  NO_CARRIER_LEFT: 'No carrier of its route is configured (any more).',
  CARRIER_PAUSED: 'The carriers that may take it are paused by an operator.',
  CARRIER_SUSPENDED: 'A rule has suspended the carriers that may take it, for a time or until an operator ends it.',
  CARRIER_DOWN: 'No carrier that may take it is connected.',
  BEHIND_OTHERS: 'Other messages of the same job, or of jobs that go before it, are sent first.',
  JOB_RATE: 'The job has used up its rate (ratePerSecond).',
  ACCOUNT_RATE: 'The account has used up its rate (ratePerSecond), over all its jobs and single messages.',
  SENDER_RATE: 'The carrier takes only so many parts a second from this sender.',
  CARRIER_RATE: 'The carrier has been sent as many parts in this second as were agreed, or it throttles.',
  WINDOW_FULL: 'As many requests as the carrier allows are unanswered: it is slow to answer.',
  IN_WORK: 'Nothing holds it: it is being handed over at this moment.',
  WITH_CARRIER: 'It was handed to the carrier, which has not answered yet.',
  AWAITING_RECEIPT: "The carrier accepted it; its receipt, which says what became of it, hasn't come yet.",
  UNKNOWN_HELD:
    'The carrier never answered and the job says hold: it may have been sent. A late receipt or POST …/settle ends it.',
} as const satisfies Record<string, string>
export type WaitCode = keyof typeof WAIT_REASONS

/** One wait as it crosses from the dispatcher; times are epoch milliseconds. */
export interface Wait {
  code: WaitCode
  sinceMs?: number
  /** When it ends, as far as is known. */
  untilMs?: number
  zone?: string
  carrier?: string
  /** The last error of a carrier's binds. */
  error?: string
  /** Attempts so far, and how the carrier answered the last one. */
  attempt?: number
  status?: number
  /** Of CALLED_AGAIN: why the last call came to nothing. */
  reason?: ReasonCode
  /** Parts per second that bind, and requests in flight of at most so many. */
  ratePerSecond?: number
  inFlight?: number
  window?: number
  /** Messages that go before it. */
  messages?: number
  /** Ref of the message that is on its way to the same number. */
  behind?: number
}

/** The same for people and programs outside. */
export interface WaitView {
  code: WaitCode
  detail: string
  since: string | null
  until: string | null
  zone?: string
  carrier?: string
  lastError?: string
  attempt?: number
  status?: number
  statusName?: string
  reason?: ReasonCode
  ratePerSecond?: number
  inFlight?: number
  window?: number
  messages?: number
  behind?: string
}

export interface MessageExplainView extends ExplainView, Pick<MessageView, 'id' | 'job' | 'state' | 'reason'> {
  isFinal: boolean
  /** What holds it now, then what would hold it next; empty: it is final. */
  waits: WaitView[]
}
