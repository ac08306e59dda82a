/** What can be done about messages that did not arrive: send them again in a new job, or say what became of them. */
import type { JobView, MessageView, Principal } from './api.js'

/** What a retry takes up. */
export const RETRY_STATES = ['failed', 'expired', 'undelivered', 'canceled'] as const
export type RetryState = (typeof RETRY_STATES)[number]

/** `resend`: back to queued, for the parts that no carrier has accepted. */
export const SETTLE_STATES = ['sent', 'delivered', 'undelivered', 'failed', 'resend'] as const
export type SettleState = (typeof SETTLE_STATES)[number]

export interface SettledView {
  /** Messages that were unknown. */
  settled: number
  job: JobView
}

export interface RetriesApi {
  /**
   * A new job from the messages of a finished or canceled one that are in these states, with the same texts and settings.
   * Suppressed ones stay out. Resolves when the job is durable; its messages follow.
   * @throws EngineError NOT_FOUND; WRONG_STATE: it goes on, nothing is in these states, or they were retried before.
   */
  retry(principal: Principal, id: string, states: readonly RetryState[]): Promise<JobView>
  /** @throws EngineError NOT_FOUND; WRONG_STATE: its end is known. */
  settleMessage(principal: Principal, id: string, to: SettleState): Promise<MessageView>
  /** All messages of the job whose end is unknown. @throws EngineError NOT_FOUND; WRONG_STATE. */
  settleJob(principal: Principal, id: string, to: SettleState): Promise<SettledView>
}
