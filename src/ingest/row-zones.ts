/**
 * In which zone a row's recipient is, for jobs whose sending hours are those of the recipient: by the row's own column, else
 * by the attribute `timeZone` of its contact, else by its number. Rows of the same zones share blocks, so that what waits
 * for a morning waits together. Ingest threads, once per accepted row of such jobs.
 */
import { keyOf } from '../engine/contacts/contact-key.js'
import { attributeOf, decodeContact } from '../engine/contacts/contact-record.js'
import type { ContactTables } from '../engine/contacts/contact-tables.js'
import { FreshNumbers, findId, numberIndex } from '../engine/contacts/fresh-numbers.js'
import type { JobPlan } from '../engine/contract/ingest.js'
import { type ZoneSet, zoneSet, zonesOfNumber } from '../engine/phone/zones.js'
import type { SourceRecord } from './record-source.js'
import type { Row } from './row-result.js'
import { threadContacts } from './thread-contacts.js'

const ATTRIBUTE = 'timeZone'

export interface RowZone {
  /** From 1, and fewer than there are zones and sets of them: rows that may share a block. */
  group: number
  /** IANA; '' = by the number. */
  zone: string
}

export class RowZones {
  readonly #column: number
  readonly #account: number
  readonly #tables: ContactTables
  readonly #fresh: FreshNumbers
  readonly #groups = new Map<ZoneSet | null, RowZone>()

  constructor({ columns, account }: JobPlan) {
    this.#column = columns.timeZone
    this.#account = account
    this.#tables = threadContacts()
    this.#fresh = new FreshNumbers(numberIndex(this.#tables), account)
  }

  of(row: Row, record: SourceRecord): RowZone {
    const own = this.#column < 0 ? '' : record.text(this.#column).trim()
    const named = (own === '' ? null : zoneSet(own)) ?? this.#ofContact(row)
    return named === null ? this.#groupOf(this.#byNumber(row), '') : this.#groupOf(named, named.zones[0]!)
  }

  /** null: an address or a short code has no place. */
  #byNumber({ channel, isShortCode, digits }: Row): ZoneSet | null {
    return channel === 'email' || isShortCode ? null : zonesOfNumber(digits)
  }

  #groupOf(set: ZoneSet | null, zone: string): RowZone {
    let group = this.#groups.get(set)
    if (group === undefined) {
      group = { group: this.#groups.size + 1, zone }
      this.#groups.set(set, group)
    }
    return group
  }

  /** null: it has none, or there is no such zone. */
  #ofContact({ channel, value, digits, isShortCode }: Row): ZoneSet | null {
    if (channel === 'email' || isShortCode) return null
    const fresh = this.#fresh.find(value)
    const id = fresh >= 0 ? fresh : findId(this.#tables, this.#account, keyOf({ value, digits }))
    const bytes = id === null ? undefined : this.#tables.records.getBinary([this.#account, id])
    if (bytes === undefined) return null
    const zone = attributeOf(decodeContact(bytes).attributes, ATTRIBUTE)
    return typeof zone === 'string' ? zoneSet(zone) : null
  }
}

/** null: the hours of the job are not those of its recipients. */
export function zonesOf(plan: JobPlan): RowZones | null {
  return plan.byZone === true ? new RowZones(plan) : null
}
