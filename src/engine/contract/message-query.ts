/** What lists of messages are asked for. */
import type { ChannelName, StateName } from './message.js'

/** Absent: any. Times: RFC 3339, at or after, and before. */
export interface MessageQuery {
  to?: string
  from?: string
  channel?: ChannelName
  state?: StateName
  since?: string
  until?: string
  /** Id of a job. */
  job?: string
  clientReference?: string
}

/** The same of one job. */
export type JobMessageQuery = Pick<MessageQuery, 'state' | 'to' | 'channel'>
