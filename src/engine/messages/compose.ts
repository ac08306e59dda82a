/**
 * One message of a request: number, channel, route, parts and times, by the same rules as a row of a file. Parsers and
 * segmenters are kept: one message costs microseconds. Main thread.
 */

import { lockSecondsOf } from '../accounts/lock-seconds.js'
import { phoneSenders } from '../base/mail-sender.js'
import { type PriceTable, priceTable } from '../base/price-table.js'
import { allowedSender } from '../base/sender.js'
import { packFields, tlvProblems } from '../base/tlv-value.js'
import type { MessageAccepted, MessageRequest } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import type { RoutePlan } from '../contract/ingest.js'
import { CHANNELS, type ChannelName, CODINGS, type PriorityName } from '../contract/message.js'
import type { NumberRules } from '../contract/number-rules.js'
import type { OptOutSettings, Unsubscribe } from '../contract/opt-out.js'
import type { Price } from '../contract/price.js'
import { type ReasonCode, reasonCode } from '../contract/reasons.js'
import type { SendingWindow } from '../contract/sending-hours.js'
import type { VoiceSettings } from '../contract/speech.js'
import type { SpeechStatus } from '../contract/speech-work.js'
import { hoursOf, isWithin } from '../jobs/job-hours.js'
import type { QuotaRecord } from '../money/quotas.js'
import type { WayOutText } from '../opt-out/way-out.js'
import { NumberParser, type ParsedNumber } from '../phone/number.js'
import { NO_COUNTRY, NumberPolicy } from '../phone/number-policy.js'
import type { NewRecord } from '../store/block.js'
import { isBody } from '../text/body.js'
import type { MailBody } from '../text/mail-body.js'
import { cutOctets } from '../text/octets.js'
import { type Segmented, Segmenter } from '../text/segment.js'
import { callerIdOf, SPEECH, type Spoken, spokenPart } from '../text/speaking.js'
import { composeMail, isForMail } from './compose-mail.js'
import { composeCall } from './compose-voice.js'
import { type Times, timesOf } from './message-times.js'
import type { FilledMessage } from './template-text.js'

const DEFAULT_MAX_PARTS = 10
const SEGMENTERS_MAX = 64
/** A single message has the hours of its account. */
const NO_JOB = { settings: {} }

export interface ComposeAccount extends NumberRules {
  number: number
  id: string
  defaultCountry: string | null
  features: Record<ChannelName, boolean>
  senders: readonly string[]
  conversationLockSeconds?: number | null
  prices: readonly Price[]
  currency: string | null
  timeZone: string
  quotas: QuotaRecord
  optOut: OptOutSettings
  voice: VoiceSettings
  ratePerSecond: number | null
  sendingHours: SendingWindow | null
}

export interface ComposeDeps {
  plans(account: string): RoutePlan[]
  isSender(from: string): boolean
  parseTime(text: string): number | null
  /** The account pays in advance: what its price list has no price for is refused. Absent: none does. */
  isPrepaid?(account: number): boolean
  /** How long replies are the account's where neither it nor the message says; absent: no time. */
  lockSeconds?: number
  /** Name → SHA-256, of all recordings of an account. Absent: there are none. */
  recordings?(account: number): ReadonlyMap<string, string>
  /** Of speech, as configured; absent: English. */
  usualLanguage?: string
  /** What can be spoken as far as is known; null: nobody knows. */
  speech?(): SpeechStatus | null
  /** Absent: nobody has opted out, and no text is given a way out. */
  optOut?: ComposeOptOut
}

/** Opting out as far as composing goes. */
export interface ComposeOptOut {
  /** `from`: '' where the carrier chooses the sender. */
  has(account: number, number: number, from: string, address?: string): boolean
  /** What is added to texts; null: nothing. @throws EngineError VALIDATION: the way out would be none. */
  wayOut(account: ComposeAccount, unsubscribe: Unsubscribe, from: string): WayOutText | null
}

/** A message that may be stored. `record` shares the segmenter's buffers: use it before the next `compose`. */
export interface Composed {
  record: NewRecord
  route: RoutePlan
  from: string
  /** What is sent: as it came, or transliterated. */
  text: string
  /** Of an email. */
  mail?: MailBody
  /** Of a call. */
  spoken?: Spoken
  /** Packed, for the block's head. */
  fields: string
  lockSeconds: number
  priority: PriorityName
  /** ISO 3166; what price lists look the number up by. */
  country: string
  routeDigits: string
  /** Of one part, in millionths; null: the account has no price for it. */
  partPrice: number | null
}

export interface Verdict {
  answer: MessageAccepted
  /** null: refused, see answer.reason. */
  composed: Composed | null
}

/** What an account's settings are compiled to. */
interface Terms {
  account: ComposeAccount
  parser: NumberParser
  policy: NumberPolicy
  prices: PriceTable
}

export class Composer {
  readonly #deps: ComposeDeps
  readonly #parsers = new Map<string, NumberParser>()
  /** A changed account is a new record, so its rules are compiled anew. */
  readonly #terms = new WeakMap<ComposeAccount, Terms>()
  #last: Terms | null = null
  readonly #segmenters = new Map<string, Segmenter>()
  #lastCut: { route: RoutePlan; maxParts: number; transliterate: boolean; segmenter: Segmenter } | null = null

  constructor(deps: ComposeDeps) {
    this.#deps = deps
  }

  /** `passes`: goes to suppressed numbers too, as the answer to an opt-out does. */
  compose(account: ComposeAccount, request: FilledMessage, nowMs: number, passes = false): Verdict {
    if (isForMail(request)) return composeMail(this.#deps, { account, request, nowMs })
    const { parser, policy, prices } = this.#termsOf(account)
    const parsed = parser.parse(request.to)
    if (parsed.reason !== 0) return refused(request.to, 'sms', reasonCode(parsed.reason))
    const to = parsed.isShortCode ? parsed.digits : `+${parsed.digits}`
    const channel = policy.channel(request.channel, parsed.lineType)
    if (!account.features[channel]) return refused(to, channel, 'FEATURE_OFF')
    if (request.from !== undefined && request.from !== '' && !this.#deps.isSender(request.from)) {
      return refused(to, channel, 'INVALID_SENDER')
    }
    const sender = allowedSender(phoneSenders(account.senders), request.from)
    if (sender === null) return refused(to, channel, 'SENDER_NOT_ALLOWED')
    if (tlvProblems(request.tlvs ?? []).length > 0) return refused(to, channel, 'TLV_INVALID')
    const refusal = policy.refusal(parsed)
    if (refusal !== 0) return refused(to, channel, reasonCode(refusal))
    const route = this.#deps
      .plans(account.id)
      .find((plan) => plan.channel === channel && parsed.routeDigits.startsWith(plan.prefix))
    // Octets are for SMS, and a short code is no number that could be called.
    const isPlain = request.data === undefined && !parsed.isShortCode
    const isCarried = route !== undefined && (isPlain || channel === 'sms')
    if (!isCarried) return refused(to, channel, 'NO_ROUTE')
    const partPrice = prices.find(channel, parsed.routeDigits)
    if (partPrice === null && this.#needsPrice(account)) return refused(to, channel, 'NO_PRICE')
    const dueMs = request.sendAt === undefined ? 0 : this.#deps.parseTime(request.sendAt)
    if (dueMs === null) return refused(to, channel, 'BAD_DATE')
    const isCall = channel === 'voice'
    const from = isCall ? callerId(route, account, request) : sender
    const isSuppressed = !passes && this.#deps.optOut?.has(account.number, parsed.value, from)
    if (isSuppressed) return refused(to, channel, 'SUPPRESSED')
    const times = timesOf(request, dueMs, nowMs)
    const isLater = times.dueSeconds * 1000 > nowMs || !isWithin(hoursOf(NO_JOB, account), nowMs, parsed)
    const found = { account, request, to, from, route, parsed, partPrice, times, isLater }
    return isCall ? this.#call(found) : this.#sms(found)
  }

  /** Nobody answers a call here, and what fields beside the text say is for SMS. */
  #call(found: Found): Verdict {
    const { account, request, route, to } = found
    const spoken = composeCall(this.#deps, { account, request, route })
    if (!('bytes' in spoken)) return refused(to, 'voice', spoken.reason, spoken.detail)
    const verdict = composed(found, spokenPart(spoken), { fields: '', lockSeconds: 0 })
    verdict.composed!.spoken = spoken
    return verdict
  }

  #sms(found: Found): Verdict {
    const { account, request, route, to, from, parsed } = found
    const { channel } = route
    const { unfilled } = request
    if (unfilled !== undefined) return refused(to, channel, unfilled.reason, unfilled.detail)
    if (!isBody(request.text ?? '')) return refused(to, channel, 'BODY_INVALID')
    const segmented = this.#cut(route, this.#withWayOut(account, request, { from, number: parsed.value }))
    if (segmented.reason !== 0) return refused(to, channel, reasonCode(segmented.reason))
    const fields = packFields(request)
    const lockSeconds = lockSecondsOf(request.conversationLock, account, this.#deps.lockSeconds ?? 0)
    return composed(found, segmented, { fields, lockSeconds })
  }

  /** With an empty list nothing costs anything. */
  #needsPrice({ number, prices }: ComposeAccount): boolean {
    return prices.length > 0 && this.#deps.isPrepaid?.(number) === true
  }

  #parser({ defaultCountry, allowShortCodes }: ComposeAccount): NumberParser {
    const key = `${defaultCountry} ${allowShortCodes}`
    const known = this.#parsers.get(key)
    if (known !== undefined) return known
    const parser = new NumberParser(defaultCountry, { shortCodes: allowShortCodes })
    this.#parsers.set(key, parser)
    return parser
  }

  /** Messages mostly come from the account of the one before. */
  #termsOf(account: ComposeAccount): Terms {
    if (this.#last?.account === account) return this.#last
    let terms = this.#terms.get(account)
    if (terms === undefined) {
      const { prices } = account
      const policy = new NumberPolicy(account)
      terms = { account, parser: this.#parser(account), policy, prices: priceTable(prices) }
      this.#terms.set(account, terms)
    }
    this.#last = terms
    return terms
  }

  #withWayOut(
    account: ComposeAccount,
    request: MessageRequest,
    { from, number }: { from: string; number: number },
  ): MessageRequest {
    const { unsubscribe = 'none', text } = request
    if (unsubscribe === 'none') return request
    if (text === undefined) {
      const fields = [{ pointer: '/unsubscribe', message: 'needs a text' }]
      throw new EngineError('VALIDATION', 'Data in octets has no room for a way out.', { fields })
    }
    const wayOut = this.#deps.optOut?.wayOut(account, unsubscribe, from) ?? null
    return wayOut === null ? request : { ...request, text: wayOut.append(text, number) }
  }

  #cut(route: RoutePlan, request: MessageRequest): Segmented {
    const { text = '', data, udh = '', maxParts = DEFAULT_MAX_PARTS } = request
    if (data === undefined) return this.#segmenter(route, request).segment(text)
    return cutOctets(data, { longMessages: route.longMessages, maxParts, udh })
  }

  #segmenter(route: RoutePlan, request: MessageRequest): Segmenter {
    const { alphabet, longMessages, nationalLanguages = [] } = route
    const maxParts = request.maxParts ?? DEFAULT_MAX_PARTS
    const transliterate = request.transliterate ?? false
    const last = this.#lastCut
    if (last?.route === route && last.maxParts === maxParts && last.transliterate === transliterate)
      return last.segmenter
    const kind = `${alphabet} ${longMessages} ${nationalLanguages} ${maxParts} ${transliterate}`
    let segmenter = this.#segmenters.get(kind)
    if (segmenter === undefined) {
      if (this.#segmenters.size >= SEGMENTERS_MAX) this.#segmenters.clear()
      segmenter = new Segmenter({ alphabet, longMessages, nationalLanguages, maxParts, transliterate })
      this.#segmenters.set(kind, segmenter)
    }
    this.#lastCut = { route, maxParts, transliterate, segmenter }
    return segmenter
  }
}

/** A message that may be sent, before its text is looked at. */
interface Found {
  account: ComposeAccount
  request: FilledMessage
  to: string
  from: string
  route: RoutePlan
  parsed: ParsedNumber
  partPrice: number | null
  times: Times
  isLater: boolean
}

function composed(
  { request, to, from, route, parsed, partPrice, times, isLater }: Found,
  segmented: Segmented,
  { fields, lockSeconds }: Pick<Composed, 'fields' | 'lockSeconds'>,
): Verdict {
  const { dueSeconds, expiresSeconds } = times
  const record = recordOf(parsed, segmented, { dueSeconds, expiresSeconds, channel: route.channel, partPrice })
  const { routeDigits } = parsed
  const country = record.country!
  const { priority = 'normal' } = request
  const { text } = segmented
  return {
    answer: accepted(to, segmented, isLater, route),
    composed: { record, route, from, text, fields, lockSeconds, priority, country, routeDigits, partPrice },
  }
}

/** What the request names before the account's senders, as far as a carrier of the route may show it. */
function callerId({ call }: RoutePlan, { senders }: ComposeAccount, { from }: FilledMessage): string {
  return call === undefined ? '' : callerIdOf(call, [from, ...senders])
}

function refused(to: string, channel: ChannelName, reason: ReasonCode, detail?: string): Verdict {
  const said = detail === undefined ? { reason } : { reason, detail }
  const encoding = channel === 'voice' ? CODINGS[SPEECH] : 'gsm7'
  return {
    answer: { id: null, state: 'rejected', to, channel, encoding, parts: 0, carrier: null, ...said },
    composed: null,
  }
}

function accepted(to: string, segmented: Segmented, isLater: boolean, route: RoutePlan): MessageAccepted {
  return {
    id: null,
    state: isLater ? 'scheduled' : 'queued',
    to,
    channel: route.channel,
    encoding: CODINGS[segmented.coding],
    parts: segmented.partCount,
    carrier: route.carrier,
  }
}

function recordOf(
  to: ParsedNumber,
  segmented: Segmented,
  { channel, partPrice, dueSeconds, expiresSeconds }: Times & { channel: ChannelName; partPrice: number | null },
): NewRecord {
  return {
    channel: CHANNELS.indexOf(channel),
    coding: segmented.coding,
    shift: segmented.shift,
    wantsReceipt: true,
    digits: to.digits,
    isShortCode: to.isShortCode,
    phone: 0,
    dueSeconds,
    expiresSeconds,
    line: 0,
    offset: 0,
    length: 0,
    partCount: segmented.partCount,
    bytes: segmented.bytes,
    partStarts: segmented.partStarts,
    partLengths: segmented.partLengths,
    country: to.country === NO_COUNTRY ? '' : to.country,
    partPrice,
  }
}
