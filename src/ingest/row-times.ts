/**
 * When a row is to be sent: from its own column, in RFC 3339 or in the format that the settings name, or from a column of
 * dates and one of times; else when the job is. A time without an offset is one of the row's zone column, else of the job,
 * else of the account. Ingest threads, once per row that has a time.
 */
import { DateFormat } from '../engine/base/date-format.js'
import { timeOfDay } from '../engine/base/time-of-day.js'
import { type ClockTurn, instantOf, isZone, turnAt } from '../engine/base/zone.js'
import type { JobPlan } from '../engine/contract/ingest.js'
import { reasonNumber } from '../engine/contract/reasons.js'
import { isoDaySeconds, isoWallSeconds, storable } from './local-time.js'
import type { SourceRecord } from './record-source.js'
import { parseSendTime } from './send-time.js'

const BAD_DATE = reasonNumber('BAD_DATE')
const TIME_INCOMPLETE = reasonNumber('TIME_INCOMPLETE')
const TIME_PAST = reasonNumber('TIME_PAST')
/** Times are mostly the same few: reading one in a zone costs ten times as much as the rest of a row. */
const KNOWN_MOST = 4_096
const MINUTE = 60

interface LocalTime {
  /** -1: cannot be read. */
  seconds: number
  turn: ClockTurn
  /** 0, or why it cannot be read. */
  reason: number
}

export class RowTimes {
  /** Of the last row read: epoch seconds, 0 = at once. */
  seconds = 0
  /** Why it could not be read, and the column to blame, from 0. */
  reason = 0
  column = -1
  /** It had no offset and no zone of its own. */
  isZoneAssumed = false
  turn: ClockTurn = 'none'
  readonly #sendAt: number
  readonly #timeColumn: number
  readonly #zoneColumn: number
  readonly #jobZone: string
  readonly #jobSeconds: number
  readonly #format: DateFormat | null
  /** Seconds since midnight of dates without a time; NaN: such a row is refused. */
  readonly #usualTime: number
  /** Times before it are over, and refused; 0: they are sent at once. */
  readonly #firstSeconds: number
  readonly #known = new Map<string, LocalTime>()

  constructor({ settings, columns, timeZone, createdSeconds }: JobPlan) {
    this.#sendAt = columns.sendAt
    this.#timeColumn = columns.sendAtTime ?? -1
    this.#zoneColumn = columns.timeZone
    this.#jobZone = timeZone
    this.#jobSeconds = settings.sendAt === undefined ? 0 : Math.max(0, parseSendTime(settings.sendAt))
    const { sendAtFormat: format, sendAtTimeOfDay, sendAtPast } = settings.columns ?? {}
    const compiled = format === undefined ? null : DateFormat.compile(format)
    // A wrong format was refused with the settings.
    this.#format = typeof compiled === 'string' ? null : compiled
    this.#usualTime = sendAtTimeOfDay === undefined ? Number.NaN : timeOfDay(sendAtTimeOfDay)
    // The minute in which the job is made is not over: times have mostly no seconds.
    this.#firstSeconds = sendAtPast === 'reject' ? createdSeconds - (createdSeconds % MINUTE) : 0
  }

  /** False: see `reason` and `column`. */
  read(record: SourceRecord): boolean {
    this.seconds = this.#jobSeconds
    this.isZoneAssumed = false
    this.turn = 'none'
    if (this.#sendAt < 0) return true
    const date = record.text(this.#sendAt).trim()
    const time = this.#timeColumn < 0 ? '' : record.text(this.#timeColumn).trim()
    if (date === '' && time === '') return true
    this.column = this.#sendAt
    if (date === '') return this.#refuse(TIME_INCOMPLETE)
    this.seconds = time === '' ? parseSendTime(date) : -1
    if (this.seconds < 0 && !this.#readLocal(record, date, time)) return false
    return this.seconds >= this.#firstSeconds || this.#refuse(TIME_PAST)
  }

  #refuse(reason: number): false {
    this.reason = reason
    return false
  }

  #readLocal(record: SourceRecord, date: string, time: string): boolean {
    const own = this.#zoneColumn < 0 ? '' : record.text(this.#zoneColumn).trim()
    if (own !== '' && !isZone(own)) {
      this.column = this.#zoneColumn
      return this.#refuse(BAD_DATE)
    }
    const { seconds, turn, reason } = this.#local(date, time, own === '' ? this.#jobZone : own)
    this.seconds = seconds
    this.turn = turn
    this.isZoneAssumed = own === ''
    return reason === 0 || this.#refuse(reason)
  }

  #local(date: string, time: string, zone: string): LocalTime {
    const key = `${zone}\n${date}\n${time}`
    let known = this.#known.get(key)
    if (known === undefined) {
      if (this.#known.size === KNOWN_MOST) this.#known.clear()
      known = this.#compute(date, time, zone)
      this.#known.set(key, known)
    }
    return known
  }

  #compute(date: string, time: string, zone: string): LocalTime {
    const day = this.#daySeconds(date)
    // A date alone, and no time of day is set for such: that is another fault than an unreadable date.
    if (time === '' && !Number.isNaN(day) && Number.isNaN(this.#usualTime)) {
      return { seconds: -1, turn: 'none', reason: TIME_INCOMPLETE }
    }
    const wanted = this.#wallSeconds(time === '' ? date : `${date} ${time}`, day, time)
    if (Number.isNaN(wanted)) return { seconds: -1, turn: 'none', reason: BAD_DATE }
    const seconds = storable(instantOf(wanted, zone))
    return { seconds, turn: turnAt(wanted, zone), reason: seconds < 0 ? BAD_DATE : 0 }
  }

  /** As ISO 8601, in the whole format, or as a date and a time of day; NaN: in none of these. */
  #wallSeconds(whole: string, day: number, time: string): number {
    const iso = isoWallSeconds(whole)
    if (!Number.isNaN(iso)) return iso
    const formatted = this.#format?.wallSeconds(whole) ?? Number.NaN
    if (!Number.isNaN(formatted)) return formatted
    return day + (time === '' ? this.#usualTime : timeOfDay(time))
  }

  #daySeconds(date: string): number {
    const iso = isoDaySeconds(date)
    return Number.isNaN(iso) ? (this.#format?.daySeconds(date) ?? Number.NaN) : iso
  }
}
