/** What becomes of an email, as `explain` says it of a number and a text. Main thread; nothing is stored. */
import { addressKey, secondKey } from '../base/address-key.js'
import { emailAddress, mailboxOf } from '../base/email-address.js'
import { allowedMailSender } from '../base/mail-sender.js'
import { priceTable } from '../base/price-table.js'
import type { ExplainQuestion, NumberPart, Problem, TextPart } from '../contract/explain.js'
import type { RoutePlan } from '../contract/ingest.js'
import { type ReasonCode, reasonHelp } from '../contract/reasons.js'
import { suppressedNumbers } from '../jobs/create.js'
import { isBody } from '../text/body.js'
import type { Asker } from './explain-asker.js'

export interface MailGates {
  plan: RoutePlan | null
  isPrepaid: boolean
  has(account: number, number: number, from: string, address: string): boolean
}

export interface MailExplanation extends NumberPart, TextPart {
  /** Of one email, in millionths; null: there is no price. */
  micros: number | null
  problems: Problem[]
}

export function explainMail(asker: Asker, question: ExplainQuestion, gates: MailGates): MailExplanation {
  const { account } = asker
  const { to = '', from, text } = question
  const address = emailAddress(to)
  const sender = allowedMailSender(account.senders, from)
  const micros = priceTable(account.prices).find('email', '')
  const suppressed = address !== null && isSuppressed(asker, { address, from: sender ?? '' }, gates)
  const problems: Problem[] = []
  const note = (isWrong: boolean, code: ReasonCode): void => {
    if (isWrong) problems.push({ code, detail: reasonHelp(code) })
  }
  note(address === null, 'INVALID_EMAIL')
  const isSender = from === undefined || from === '' || mailboxOf(from) !== null
  note(!isSender, 'INVALID_SENDER')
  note(isSender && sender === null, 'SENDER_NOT_ALLOWED')
  note(!account.features.email, 'FEATURE_OFF')
  note(account.features.email && gates.plan === null, 'NO_ROUTE')
  note(micros === null && gates.isPrepaid && account.prices.length > 0, 'NO_PRICE')
  note(suppressed, 'SUPPRESSED')
  note(text !== undefined && !isBody(text), 'BODY_INVALID')
  const refused = address === null ? problems[0]! : null
  const number = { to: address ?? to, valid: address !== null, country: null, lineType: null, shortCode: false }
  return { ...number, refused, suppressed, ...textPart(text), micros, problems }
}

function isSuppressed({ account, job }: Asker, to: { address: string; from: string }, { has }: MailGates): boolean {
  const { address, from } = to
  const key = addressKey(address)
  if (has(account.number, key, from, address)) return true
  const own = job === null ? null : suppressedNumbers(job.settings.suppressed, account.defaultCountry, false)
  return own?.includes(key) === true && own.includes(secondKey(address))
}

/** An email is one part, whatever stands in it. */
function textPart(text: string | undefined): TextPart {
  const isThere = text !== undefined
  return {
    ...{ encoding: isThere ? ('mail' as const) : null, units: isThere ? Buffer.byteLength(text) : null },
    ...{ unitsPerPart: null, parts: isThere ? 1 : null, nationalTables: null, offending: [], offendingTotal: 0 },
    ...{ offendingCost: { parts: 0, price: null }, transliteration: null },
    ...{ text: text ?? null, texts: isThere ? [text] : [], why: isThere ? 'an email, which is sent as UTF-8' : null },
  }
}
