/**
 * The email of a row: address, route, suppression, consent, and its subject, text and HTML with the row's values, escaped where
 * they stand in HTML. The same rules as for a single email (engine/messages/compose-mail.ts). Ingest threads, once per row
 * of a job that has emails.
 */
import { addressKey, secondKey } from '../engine/base/address-key.js'
import { emailAddress } from '../engine/base/email-address.js'
import { escapeHtml, inOneLine } from '../engine/base/html.js'
import { type PriceTable, unpackPrices } from '../engine/base/price-table.js'
import type { JobPlan, RoutePlan } from '../engine/contract/ingest.js'
import { CODINGS, type Coding } from '../engine/contract/message.js'
import { reasonNumber } from '../engine/contract/reasons.js'
import { WayOutText } from '../engine/opt-out/way-out.js'
import type { SuppressionCheck } from '../engine/store/suppression-table.js'
import { type MailBody, packMail } from '../engine/text/mail-body.js'
import { mailProblem } from '../engine/text/mail-rules.js'
import { withMailLink } from '../engine/text/mail-way-out.js'
import type { Segmented } from '../engine/text/segment.js'
import type { Consents } from './consents.js'
import type { SourceRecord } from './record-source.js'
import type { Row } from './row-result.js'
import { RowText } from './row-text.js'

const MISSING_NUMBER = reasonNumber('MISSING_NUMBER')
const INVALID_EMAIL = reasonNumber('INVALID_EMAIL')
const FEATURE_OFF = reasonNumber('FEATURE_OFF')
const NO_ROUTE = reasonNumber('NO_ROUTE')
const NO_PRICE = reasonNumber('NO_PRICE')
const SUPPRESSED = reasonNumber('SUPPRESSED')
const NOT_OPTED_IN = reasonNumber('NOT_OPTED_IN')
const EMPTY_TEXT = reasonNumber('EMPTY_TEXT')
const MAIL_TOO_LARGE = reasonNumber('MAIL_TOO_LARGE')
const MAIL = CODINGS.indexOf('mail') as Coding

export interface RowMailDeps {
  suppressions: SuppressionCheck | null
  consents: Consents | null
  /** The job's own list holds the number. */
  isListed(value: number): boolean
}

export class RowMail {
  /** Why the last `write` gave false, and the column to blame (-1 = none). */
  reason = 0
  column = -1
  readonly #plan: JobPlan
  readonly #deps: RowMailDeps
  readonly #address: number
  readonly #route: RoutePlan | null
  readonly #isOff: boolean
  readonly #prices: PriceTable
  readonly #from: string
  readonly #text: RowText
  readonly #subject: RowText
  readonly #html: RowText
  readonly #wayOut: WayOutText | null
  readonly #segmented: Segmented

  /** `text`: of the row, as SMS have it. @throws EngineError TEMPLATE_INVALID, TEMPLATE_LABEL_UNKNOWN. */
  constructor(plan: JobPlan, text: RowText, deps: RowMailDeps) {
    const { columns, mailTemplates = {}, subject = '', html = '' } = plan
    this.#plan = plan
    this.#deps = deps
    this.#text = text
    this.#address = columns.email ?? -1
    this.#route = plan.routes.find(({ channel }) => channel === 'email') ?? null
    this.#isOff = plan.channelsOff?.includes('email') ?? false
    this.#prices = unpackPrices(plan.prices)
    this.#from = plan.mailFrom ?? ''
    const bare = { ...columns, text: -1 }
    const subjects = Object.fromEntries(
      Object.entries(mailTemplates).map(([keyword, texts]) => [keyword, texts.subject ?? subject]),
    )
    const htmls = Object.fromEntries(
      Object.entries(mailTemplates).map(([keyword, texts]) => [keyword, texts.html ?? '']),
    )
    this.#subject = new RowText({ text: subject, templates: subjects, columns: bare }, inOneLine)
    this.#html = new RowText({ text: html, templates: htmls, columns: bare }, escapeHtml)
    this.#wayOut = plan.wayOut === undefined ? null : new WayOutText(plan.wayOut, this.#from)
    this.#segmented = {
      ...{ reason: 0, coding: MAIL, shift: 0, partCount: 1, bytes: Buffer.alloc(0), units: 0, text: '' },
      ...{ partStarts: new Uint32Array(1), partLengths: new Uint16Array(1) },
    }
  }

  /** Column from 0 that the address stands in. */
  get addressColumn(): number {
    return this.#address
  }

  /** Something stands where the address should. */
  isFilled(record: SourceRecord): boolean {
    return record.text(this.#address).trim() !== ''
  }

  /** Fills the row, which was cleared, with its recipient; 0, or the reason why not. */
  address(record: SourceRecord, row: Row): number {
    const written = record.text(this.#address)
    row.channel = 'email'
    const address = emailAddress(written)
    if (address === null) return written.trim() === '' ? MISSING_NUMBER : INVALID_EMAIL
    row.digits = address
    row.value = addressKey(address)
    return this.#refusal(row, address)
  }

  #refusal(row: Row, address: string): number {
    const { suppressions, consents, isListed } = this.#deps
    const { account, needsPrice } = this.#plan
    if (this.#isOff) return FEATURE_OFF
    if (this.#route === null) return NO_ROUTE
    row.route = this.#route
    row.partPrice = this.#prices.find('email', '')
    if (row.partPrice === null && needsPrice === true) return NO_PRICE
    // Two keys of an address are as good as the address; a job's own list has nothing else.
    if (isListed(row.value) && isListed(secondKey(address))) return SUPPRESSED
    if (suppressions?.hasAddress(account, row.value, { from: this.#from, address })) return SUPPRESSED
    return consents === null || consents.hasAddress(address) ? 0 : NOT_OPTED_IN
  }

  /** Puts the row's texts together. False: it has none that can be sent; see reason and column. */
  write(record: SourceRecord, row: Row): boolean {
    const mail = record.mail ?? this.#compose(record, row.digits)
    if (mail === null) return false
    const bytes = packMail(mail)
    if (bytes === null) return this.#fail(MAIL_TOO_LARGE, -1)
    const segmented = this.#segmented
    segmented.bytes = bytes
    segmented.partLengths[0] = bytes.length
    segmented.text = mail.text
    row.text = mail.text
    row.mail = mail
    row.segmented = segmented
    return true
  }

  #compose(record: SourceRecord, address: string): MailBody | null {
    const text = this.#text.render(record) ?? (this.#text.reason === EMPTY_TEXT ? '' : null)
    if (text === null) return this.#failAs(this.#text)
    const subject = this.#subject.render(record)
    if (subject === null) return this.#failAs(this.#subject)
    const html = this.#html.render(record)
    if (html === null) return this.#failAs(this.#html)
    const problem = mailProblem({ subject, text, html })
    if (problem !== 0) {
      this.#fail(problem, -1)
      return null
    }
    const unsubscribeUrl = this.#wayOut?.mailLink(address) ?? ''
    if (unsubscribeUrl === '') return { subject, text, html, unsubscribeUrl }
    return { subject, ...withMailLink({ text, html }, unsubscribeUrl, this.#wayOut!.lead), unsubscribeUrl }
  }

  #failAs({ reason, column }: RowText): null {
    this.#fail(reason, column)
    return null
  }

  #fail(reason: number, column: number): false {
    this.reason = reason
    this.column = column
    return false
  }
}
