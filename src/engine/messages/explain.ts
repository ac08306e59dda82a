/**
 * Answers `GET /v1/explain` by the rules that messages and rows are accepted by: the account's for the number, the
 * route's for the text. Main thread; once a question.
 */
import { amountOf } from '../base/money.js'
import { priceTable } from '../base/price-table.js'
import { allowedSender } from '../base/sender.js'
import type { CarrierView } from '../contract/channel.js'
import type { Clock } from '../contract/clock.js'
import type {
  CarrierLimit,
  ExplainQuestion,
  ExplainView,
  NumberPart,
  Problem,
  RouteView,
  TextPart,
} from '../contract/explain.js'
import type { RoutePlan } from '../contract/ingest.js'
import type { ChannelName } from '../contract/message.js'
import { type ReasonCode, reasonHelp } from '../contract/reasons.js'
import type { SpeechStatus } from '../contract/speech-work.js'
import { hoursOf, hoursSource } from '../jobs/job-hours.js'
import { explainNumber, type NumberExplanation } from '../phone/explain-number.js'
import type { WhoseHours } from '../schedule/recipient-hours.js'
import { hoursView } from '../schedule/window-setting.js'
import { explainText, type TextExplanation } from '../text/explain-text.js'
import { callerIdOf } from '../text/speaking.js'
import type { ComposeAccount } from './compose.js'
import { isForMail } from './compose-mail.js'
import { type Asker, asked, isSuppressed } from './explain-asker.js'
import { explainMail } from './explain-mail.js'
import { type CallText, explainCall } from './explain-voice.js'

const DEFAULT_MAX_PARTS = 10
const OFFENDING_MAX = 1_000
/** How a text is cut where no route says it. */
const PLAIN_ROUTE = { alphabet: 'gsm7', longMessages: 'udh', nationalLanguages: [] } as const

export interface ExplainDeps {
  plans(account: string): RoutePlan[]
  route(route: number): RouteView | null
  carriers(): Promise<CarrierView[]>
  isSender(from: string): boolean
  /** Name → SHA-256, of all recordings of an account. Absent: there are none. */
  recordings?(account: number): ReadonlyMap<string, string>
  /** Of speech, as configured; absent: English. */
  usualLanguage?: string
  /** What can be spoken as far as is known; null: nobody knows. */
  speech?(): SpeechStatus | null
  /** `from`: '' where the carrier chooses the sender. */
  isSuppressed(account: number, number: number, from: string, address?: string): boolean
  /** The account pays in advance. Absent: none does. */
  isPrepaid?(account: number): boolean
  clock: Clock
}

export class Explainer {
  readonly #deps: ExplainDeps

  constructor(deps: ExplainDeps) {
    this.#deps = deps
  }

  /** `by`: the route that is taken whatever the number. @throws EngineError VALIDATION: neither a number nor a text nor a sender is given. */
  async explain(asker: Asker, given: ExplainQuestion, by?: number): Promise<ExplainView> {
    const { account } = asker
    const question = asked(asker, given)
    if (isForMail({ channel: question.channel, to: question.to ?? '' })) return await this.#email(asker, question, by)
    const number = question.to === undefined ? null : numberOf(question.to, account, question)
    const channel = number === null ? channelOf(question) : number.channel
    const plan = channel === null ? null : this.#plan(account, channel, number?.routeDigits ?? null)
    const routeNumber = by ?? plan?.route
    const route = routeNumber === undefined ? null : this.#deps.route(routeNumber)
    const isCall = channel === 'voice'
    const spoken = isCall ? explainCall(this.#deps, { account, question, plan, isStored: by !== undefined }) : null
    const text = isCall || question.text === undefined ? null : textOf(question.text, plan, question)
    const from = isCall ? callerId(plan, account, question) : senderOf(account, question)
    const about = { to: question.to ?? '', from, defaultCountry: question.defaultCountry }
    const suppressed = number !== null && isSuppressed(asker, about, this.#deps.isSuppressed)
    const prices = priceTable(account.prices)
    const micros = channel === null ? null : prices.find(channel, number?.routeDigits ?? '')
    return {
      ...numberPart(number, suppressed),
      ...(spoken?.part ?? textPart(text, micros)),
      // Any other sender gives way to the number of the carrier: it is not shown.
      from: isCall ? from || null : (question.from ?? null),
      channel,
      route,
      carriers: route?.carriers ?? [],
      limits: route === null ? [] : limitsOf(route, await this.#deps.carriers()),
      ...boundBy(asker, this.#deps.clock.now(), whoseHours(number)),
      currency: account.currency,
      partPrice: micros === null ? null : amountOf(micros),
      price: priceOfText(spoken?.part.parts ?? text?.parts ?? 0, micros),
      problems: this.#problems(account, question, { number, plan, reason: reasonIn(spoken, text), suppressed }),
    }
  }

  async #email(asker: Asker, question: ExplainQuestion, by?: number): Promise<ExplainView> {
    const { account } = asker
    const { carriers, clock, isPrepaid, isSuppressed: has, route: routeOf } = this.#deps
    const plan = this.#plan(account, 'email', null)
    const routeNumber = by ?? plan?.route
    const route = routeNumber === undefined ? null : routeOf(routeNumber)
    const gates = { plan, isPrepaid: isPrepaid?.(account.number) === true, has }
    const { micros, problems, ...found } = explainMail(asker, question, gates)
    return {
      ...found,
      ...{ from: question.from ?? null, channel: 'email', route, carriers: route?.carriers ?? [] },
      limits: route === null ? [] : limitsOf(route, await carriers()),
      ...boundBy(asker, clock.now(), null),
      currency: account.currency,
      partPrice: micros === null ? null : amountOf(micros),
      price: priceOf(1, micros),
      problems,
    }
  }

  /** Without a number the route that takes every number, if there is one. */
  #plan(account: ComposeAccount, channel: ChannelName, digits: string | null): RoutePlan | null {
    const plans = this.#deps.plans(account.id).filter((plan) => plan.channel === channel)
    return plans.find(({ prefix }) => (digits === null ? prefix === '' : digits.startsWith(prefix))) ?? null
  }

  /** Of a number that would be sent to: the account pays in advance, and has no price for it. */
  #lacksPrice({ number: account, prices }: ComposeAccount, { channel, routeDigits }: NumberExplanation): boolean {
    if (channel === null || prices.length === 0 || this.#deps.isPrepaid?.(account) !== true) return false
    return priceTable(prices).find(channel, routeDigits ?? '') === null
  }

  /** In the order in which a message is looked at. */
  #problems(account: ComposeAccount, { from }: ExplainQuestion, found: Found): Problem[] {
    const { number, plan, reason, suppressed } = found
    const problems: Problem[] = []
    if (number !== null && number.channel === null) return [number.refused!]
    if (from !== undefined && !this.#deps.isSender(from)) problems.push(problem('INVALID_SENDER'))
    else if (allowedSender(account.senders, from) === null) problems.push(problem('SENDER_NOT_ALLOWED'))
    if (number !== null && number.refused !== null) problems.push(number.refused)
    const channel = number?.channel ?? null
    if (channel !== null && !account.features[channel]) problems.push(problem('FEATURE_OFF'))
    else if (number !== null && (plan === null || isUncallable(number))) problems.push(problem('NO_ROUTE'))
    if (number !== null && this.#lacksPrice(account, number)) problems.push(problem('NO_PRICE'))
    if (suppressed) problems.push(problem('SUPPRESSED'))
    if (reason !== null) problems.push(problem(reason))
    return problems
  }
}

/** A short code takes SMS; it is no number that could be called. */
function isUncallable({ channel, shortCode }: NumberExplanation): boolean {
  return channel === 'voice' && shortCode
}

/** What binds its sending beside the carriers: rates of its job and account, and their hours. */
function boundBy(
  { account, job }: Asker,
  nowMs: number,
  whose: WhoseHours | null,
): Pick<ExplainView, 'rates' | 'sendingHours'> {
  const terms = job ?? { settings: {} }
  const hours = hoursOf(terms, account)
  return {
    rates: { job: job?.settings.ratePerSecond ?? null, account: account.ratePerSecond },
    sendingHours: hours === null ? null : hoursView(hours, hoursSource(terms), { nowMs, whose }),
  }
}

/** null: no recipient was named. */
function whoseHours(number: NumberExplanation | null): WhoseHours | null {
  if (number === null || number.channel === null) return null
  const isNumber = !number.shortCode && number.channel !== 'email'
  return { digits: number.to.replace(/^\+/, ''), isNumber, zone: '' }
}

interface Found {
  number: NumberExplanation | null
  plan: RoutePlan | null
  /** Why the text cannot be sent; null: it can, or there is none. */
  reason: ReasonCode | null
  suppressed: boolean
}

function reasonIn(spoken: CallText | null, text: TextExplanation | null): ReasonCode | null {
  return spoken?.reason ?? text?.reason ?? null
}

function senderOf({ senders }: ComposeAccount, { from }: ExplainQuestion): string {
  return allowedSender(senders, from) ?? from ?? ''
}

/** '' = the carrier's own. */
function callerId(plan: RoutePlan | null, { senders }: ComposeAccount, { from }: ExplainQuestion): string {
  return plan?.call === undefined ? '' : callerIdOf(plan.call, [from, ...senders])
}

/** null: nothing would be sent, or it has no price. */
function priceOfText(parts: number, micros: number | null): number | null {
  return parts === 0 ? null : priceOf(parts, micros)
}

function problem(code: ReasonCode): Problem {
  return { code, detail: reasonHelp(code) }
}

function numberOf(to: string, account: ComposeAccount, question: ExplainQuestion): NumberExplanation {
  const { channel, defaultCountry = account.defaultCountry, landlines } = question
  return explainNumber(to, { defaultCountry, rules: account, channel, landlines })
}

function channelOf({ channel }: ExplainQuestion): ChannelName {
  return channel === undefined || channel === 'auto' ? 'sms' : channel
}

function textOf(text: string, plan: RoutePlan | null, question: ExplainQuestion): TextExplanation {
  const { alphabet, longMessages, nationalLanguages } = plan ?? PLAIN_ROUTE
  const { maxParts = DEFAULT_MAX_PARTS, transliterate = false } = question
  return explainText(text, { alphabet, longMessages, nationalLanguages, maxParts, transliterate }, OFFENDING_MAX)
}

function numberPart(number: NumberExplanation | null, suppressed: boolean): NumberPart {
  if (number === null) {
    return { to: null, valid: null, country: null, lineType: null, shortCode: null, refused: null, suppressed: null }
  }
  const { to, valid, country, lineType, shortCode, refused } = number
  return { to, valid, country, lineType, shortCode, refused, suppressed }
}

function textPart(text: TextExplanation | null, micros: number | null): TextPart {
  if (text === null) return NO_TEXT
  const { encoding, units, perPart, parts, national, offending, offendingTotal, partsWithoutOffending } = text
  const added = offendingTotal === 0 ? 0 : Math.max(0, parts - partsWithoutOffending)
  return {
    encoding,
    units,
    unitsPerPart: perPart,
    parts,
    nationalTables: national,
    offending,
    offendingTotal,
    offendingCost: { parts: added, price: priceOf(added, micros) },
    transliteration: suggestion(text, micros),
    text: text.text,
    texts: text.texts,
    why: text.why,
  }
}

const NO_TEXT: TextPart = {
  encoding: null,
  units: null,
  unitsPerPart: null,
  parts: null,
  nationalTables: null,
  offending: [],
  offendingTotal: 0,
  offendingCost: { parts: 0, price: null },
  transliteration: null,
  text: null,
  texts: [],
  why: null,
}

function suggestion(text: TextExplanation, micros: number | null): TextPart['transliteration'] {
  const { parts, replaced } = text
  if (text.transliterated || replaced === null || replaced.parts > parts) return null
  if (replaced.parts === parts && text.encoding !== 'ucs2') return null
  return { ...replaced, partsSaved: parts - replaced.parts, price: priceOf(replaced.parts, micros) }
}

function priceOf(parts: number, micros: number | null): number | null {
  return micros === null ? null : amountOf(parts * micros)
}

function limitsOf(route: RouteView, views: CarrierView[]): CarrierLimit[] {
  const known = new Map(views.map((view) => [view.id, view]))
  return route.carriers.flatMap((id) => {
    const view = known.get(id)
    return view === undefined ? [] : [limitOf(view)]
  })
}

function limitOf({ id, paused, ratePerSecond, rateNowPerSecond, binds }: CarrierView): CarrierLimit {
  const bound = binds.filter(({ state }) => state === 'bound')
  return {
    carrier: id,
    up: !paused && bound.length > 0,
    paused,
    ratePerSecond,
    rateNowPerSecond,
    window: sum(binds.map(({ window }) => window)),
    windowNow: sum(binds.map(({ windowNow }) => windowNow)),
    inFlight: sum(binds.map(({ inFlight }) => inFlight)),
  }
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
