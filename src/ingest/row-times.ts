/**
 * When a row is to be sent: from its own column, in RFC 3339 or in the format that the settings name, else when the job is.
 * A time without an offset is one of the row's zone column, else of the job, else of the account. Ingest threads, once per
 * row that has a time.
 */
import { DateFormat } from '../engine/base/date-format.js'
import { type ClockTurn, instantOf, isZone, turnAt } from '../engine/base/zone.js'
import type { JobPlan } from '../engine/contract/ingest.js'
import { isoWallSeconds, storable } from './local-time.js'
import type { SourceRecord } from './record-source.js'
import { parseSendTime } from './send-time.js'

/** Times are mostly the same few: reading one in a zone costs ten times as much as the rest of a row. */
const KNOWN_MOST = 4_096

interface LocalTime {
  /** -1: cannot be read. */
  seconds: number
  turn: ClockTurn
}

export class RowTimes {
  /** Of the last row read: epoch seconds, 0 = at once. */
  seconds = 0
  /** The column to blame when it could not be read, from 0. */
  column = -1
  /** It had no offset and no zone of its own. */
  isZoneAssumed = false
  turn: ClockTurn = 'none'
  readonly #sendAt: number
  readonly #zoneColumn: number
  readonly #jobZone: string
  readonly #jobSeconds: number
  readonly #format: DateFormat | null
  readonly #known = new Map<string, LocalTime>()

  constructor({ settings, columns, timeZone }: JobPlan) {
    this.#sendAt = columns.sendAt
    this.#zoneColumn = columns.timeZone
    this.#jobZone = timeZone
    this.#jobSeconds = settings.sendAt === undefined ? 0 : Math.max(0, parseSendTime(settings.sendAt))
    const format = settings.columns?.sendAtFormat
    const compiled = format === undefined ? null : DateFormat.compile(format)
    // A wrong format was refused with the settings.
    this.#format = typeof compiled === 'string' ? null : compiled
  }

  /** False: BAD_DATE, see `column`. */
  read(record: SourceRecord): boolean {
    this.seconds = this.#jobSeconds
    this.isZoneAssumed = false
    this.turn = 'none'
    const cell = this.#sendAt < 0 ? '' : record.text(this.#sendAt).trim()
    if (cell === '') return true
    this.seconds = parseSendTime(cell)
    return this.seconds >= 0 || this.#readLocal(record, cell)
  }

  #readLocal(record: SourceRecord, cell: string): boolean {
    const own = this.#zoneColumn < 0 ? '' : record.text(this.#zoneColumn).trim()
    this.column = this.#zoneColumn
    if (own !== '' && !isZone(own)) return false
    this.column = this.#sendAt
    const { seconds, turn } = this.#local(cell, own === '' ? this.#jobZone : own)
    this.seconds = seconds
    this.turn = turn
    this.isZoneAssumed = own === ''
    return seconds >= 0
  }

  #local(cell: string, zone: string): LocalTime {
    const key = `${zone} ${cell}`
    let time = this.#known.get(key)
    if (time === undefined) {
      if (this.#known.size === KNOWN_MOST) this.#known.clear()
      time = this.#compute(cell, zone)
      this.#known.set(key, time)
    }
    return time
  }

  #compute(cell: string, zone: string): LocalTime {
    const iso = isoWallSeconds(cell)
    const wanted = Number.isNaN(iso) && this.#format !== null ? this.#format.wallSeconds(cell) : iso
    if (Number.isNaN(wanted)) return { seconds: -1, turn: 'none' }
    return { seconds: storable(instantOf(wanted, zone)), turn: turnAt(wanted, zone) }
  }
}
