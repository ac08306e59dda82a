/**
 * What becomes of one number, in words: the number's part of `GET /v1/explain`. Pure; for questions, not for rows.
 *
 * `valid` is libphonenumber's word on the number however it is written; what this account does not send to is a refusal of
 * its own.
 */
import type { ChannelName } from '../contract/message.js'
import type { LandlineRule, LineTypeName, NumberRules } from '../contract/number-rules.js'
import { type ReasonCode, reasonCode, reasonHelp } from '../contract/reasons.js'
import { lineTypeName, NumberParser, type ParsedNumber } from './number.js'
import { NumberPolicy } from './number-policy.js'
import { withoutExtension } from './written.js'

export interface NumberQuestion {
  /** ISO 3166 as isCountry knows it; null: international numbers only. */
  defaultCountry: string | null
  rules: NumberRules
  /** As a message or a job asks for it. Default auto. */
  channel?: 'auto' | ChannelName
  /** Of a job. */
  landlines?: LandlineRule
}

export interface NumberExplanation {
  /** +E.164; a short code's digits; what came, when it is neither. */
  to: string
  /** A valid number by libphonenumber; false for short codes. */
  valid: boolean
  /** ISO 3166 in two letters; null: of no country (+800, satellites), or not a number. */
  country: string | null
  lineType: LineTypeName
  /** A short code of the default country, which the account allows. */
  shortCode: boolean
  /** Channel that it would take, also when refused; null: not a number. */
  channel: ChannelName | null
  /** Digits by which routes are looked up; null: not a number. */
  routeDigits: string | null
  refused: NumberRefusal | null
}

export interface NumberRefusal {
  code: ReasonCode
  detail: string
}

export function explainNumber(text: string, question: NumberQuestion): NumberExplanation {
  const { defaultCountry, rules, channel, landlines } = question
  const parser = new NumberParser(defaultCountry, { shortCodes: rules.allowShortCodes })
  let parsed = parser.parse(text)
  const asWritten = parsed.reason
  // An extension cannot be messaged, but the number before it is one.
  if (reasonCode(asWritten) === 'PHONE_EXTENSION') parsed = parser.parse(withoutExtension(text))
  if (parsed.reason !== 0) return unread(text, reasonCode(asWritten))
  const policy = new NumberPolicy(rules, landlines)
  return {
    to: parsed.isShortCode ? parsed.digits : `+${parsed.digits}`,
    valid: !parsed.isShortCode,
    country: /^[A-Z]{2}$/.test(parsed.country) ? parsed.country : null,
    lineType: lineTypeName(parsed.lineType),
    shortCode: parsed.isShortCode,
    channel: policy.channel(channel, parsed.lineType),
    routeDigits: parsed.routeDigits,
    refused: asWritten !== 0 ? refusal(reasonCode(asWritten)) : refusedBy(policy, parsed),
  }
}

function unread(text: string, code: ReasonCode): NumberExplanation {
  return {
    to: text,
    valid: false,
    country: null,
    lineType: 'unknown',
    shortCode: false,
    channel: null,
    routeDigits: null,
    refused: refusal(code),
  }
}

function refusal(code: ReasonCode, more = ''): NumberRefusal {
  return { code, detail: `${reasonHelp(code)}${more}` }
}

function refusedBy(policy: NumberPolicy, parsed: ParsedNumber): NumberRefusal | null {
  const code = reasonCode(policy.refusal(parsed))
  if (code === 'NONE') return null
  if (code === 'PREFIX_DENIED') return refusal(code, ` It is +${policy.decidingPrefix(parsed)}.`)
  if (code === 'PREMIUM_NUMBER' || code === 'LINE_TYPE_REFUSED') {
    const network = parsed.country === '001' ? ', on a network of no country' : ''
    return refusal(code, ` This one is of the type ${lineTypeName(parsed.lineType)}${network}.`)
  }
  return refusal(code)
}
