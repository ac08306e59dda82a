/** Sending hours: the days and hours of the week outside which nothing of a job, or of an account, is handed to a carrier. */

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof WEEKDAYS)[number]

/** In the place of the name of a zone. */
export const RECIPIENT_ZONE = 'recipient'
export const ACCOUNT_ZONE = 'account'

/** As a customer gives it. */
export interface SendingWindow {
  /** Absent: every day. Numbers as in ISO 8601: 1 is Monday, 7 is Sunday; 0 is Sunday too. */
  days?: (Weekday | number)[]
  /** HH:MM, inclusive. */
  from: string
  /** HH:MM, exclusive; 24:00 is the end of the day. Before `from`: on the next day. */
  to: string
  /** IANA; `recipient`: each recipient's own; `account`: the account's; absent: the job's, else the account's. */
  timeZone?: string
}

/** As it is reckoned with. A span over midnight belongs to the day on which it begins. */
export interface HoursRule {
  /** 1 Monday … 7 Sunday, ascending. */
  days: readonly number[]
  fromMinute: number
  /** Up to 1,440; less than `fromMinute`: on the next day. */
  toMinute: number
  timeZone: string
  /** The hours are those of each recipient's own zone; `timeZone` is that of recipients without a place. */
  byRecipient?: boolean
}

export interface SendingHoursView {
  days: Weekday[]
  from: string
  to: string
  /** IANA; `recipient`: each recipient's own. */
  timeZone: string
  /** In which the recipient asked about may be, where the hours are the recipient's. */
  zones?: string[]
  /** Whose setting it is. */
  source: 'job' | 'account'
  open: boolean
  /** When it opens or closes next; null: never. */
  changesAt: string | null
}
