/** What a receipt of the simulator says, in the carrier's dialect: id, text, message_state and where they stand. Reused per receipt. */
import type { Random } from '../../engine/base/random.js'
import { systemClock } from '../../engine/contract/clock.js'
import { type Dialect, formOf, receiptId } from './dialect.js'
import { RECEIPT_KIND, type ReceiptKind, type ReceiptStore } from './receipt-store.js'

const ACCEPTED = 6
const DELIVERED = 2
const UNDELIVERABLE = 5
const MINUTE_MS = 60_000
/** Id that a forged text names. */
const FORGED_ID = '1'

export class ReceiptWriter {
  id = ''
  text = ''
  state = DELIVERED
  form: Dialect
  readonly #dialect: Dialect
  readonly #random: Random
  readonly #store: ReceiptStore
  #record = 0
  #minute = -1
  #minuteText = ''

  constructor(store: ReceiptStore, dialect: Dialect, random: Random) {
    this.#store = store
    this.#dialect = dialect
    this.#random = random
    this.form = dialect
  }

  write(record: number): this {
    this.#record = record
    this.form = formOf(this.#dialect, this.#random)
    const kind = this.#store.kind(record)
    this.id = receiptId(this.form, this.#store.id(record))
    this.state = kind === RECEIPT_KIND.failed ? UNDELIVERABLE : kind === RECEIPT_KIND.accepted ? ACCEPTED : DELIVERED
    const fields = this.#fields(kind)
    if (this.form.choices.order === 'shuffled') shuffle(fields, this.#random)
    this.text = this.#layOut(fields)
    return this
  }

  /** Name and value of each field, in the order of Appendix B. */
  #fields(kind: ReceiptKind): [string, string][] {
    const { form } = this
    const isDelivered = kind === RECEIPT_KIND.delivered
    const stat = isDelivered && form.stat !== '' ? form.stat : STATS[kind]
    const fields: [string, string][] = [
      ['sub', '001'],
      ['dlvrd', isDelivered ? '001' : '000'],
    ]
    if (form.choices.carries !== 'idTlv') fields.unshift(['id', this.id])
    if (form.choices.dates !== 'none') {
      fields.push(['submit date', this.#date(this.#store.submittedAt(this.#record))])
      fields.push(['done date', this.#date(systemClock.now())])
    }
    fields.push(['stat', stat], ['err', form.err === '' ? (kind === RECEIPT_KIND.failed ? '001' : '000') : form.err])
    return fields
  }

  #layOut(fields: readonly [string, string][]): string {
    const { spacing, names, cut } = this.form.choices
    const colon = spacing === 'colon' ? ': ' : ':'
    const gap = spacing === 'double' ? '  ' : spacing === 'comma' ? ',' : ' '
    const name = (text: string): string => {
      if (names === 'upper') return text.toUpperCase()
      return names === 'mixed' ? text[0]!.toUpperCase() + text.slice(1) : text
    }
    const text = fields.map(([field, value]) => `${name(field)}${colon}${value}`).join(gap)
    if (cut === 'err' && this.form.choices.order === 'usual')
      return text.slice(0, text.length - fields.at(-1)![1].length)
    if (cut === 'text') return text
    const { forged } = this.form.shares
    const isForged = forged > 0 && this.#random.next() < forged
    return `${text}${gap}${name('text')}:${isForged ? `id:${FORGED_ID} stat:UNDELIV err:001` : ''}`
  }

  writeAddress(which: 'source' | 'destination', to: Buffer, at: number): number {
    return this.#store.writeAddress(this.#record, which, to, at)
  }

  /** YYMMDDhhmm in UTC, or as the dialect has it. */
  #date(epochMs: number): string {
    const { dates } = this.form.choices
    if (dates !== '10') {
      const digits = new Date(epochMs).toISOString().replace(/[-:T]/g, '').slice(0, 14)
      return dates === '14' ? digits : digits.slice(2)
    }
    const minute = Math.floor(epochMs / MINUTE_MS)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#minuteText = new Date(epochMs).toISOString().replace(/[-:T]/g, '').slice(2, 12)
    }
    return this.#minuteText
  }
}

const STATS = ['DELIVRD', 'UNDELIV', 'ACCEPTD'] as const

function shuffle(fields: unknown[], random: Random): void {
  for (let at = fields.length - 1; at > 0; at--) {
    const other = Math.floor(random.next() * (at + 1))
    const kept = fields[at]
    fields[at] = fields[other]
    fields[other] = kept
  }
}
