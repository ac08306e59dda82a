/** A stored message as the API shows it: the block's record, the dispatcher's state, the history in words. Main thread. */
import { type CallFacts, readCallFacts } from '../base/call-facts.js'
import { readCarrierStatus } from '../base/carrier-status.js'
import { amountOf } from '../base/money.js'
import { instantOf } from '../base/zone.js'
import type { HistoryEntry, MessageView } from '../contract/api.js'
import type { MessageExtras } from '../contract/extras.js'
import { jobId, messageId } from '../contract/ids.js'
import {
  blankMessage,
  CHANNELS,
  CODINGS,
  type MessageRef,
  messageRef,
  type OutgoingMessage,
  STATES,
  type StateName,
} from '../contract/message.js'
import { OUTCOME, OUTCOME_NAMES, type OutcomeCode } from '../contract/outcome.js'
import { type ReasonCode, reasonCode } from '../contract/reasons.js'
import type { RecipientHours } from '../schedule/recipient-hours.js'
import type { BlockReader } from '../store/block.js'
import type { DecodedState, HistoryItem } from '../store/decoded-state.js'
import { erasedOf } from '../store/redacted-block.js'
import { unpackMail } from '../text/mail-body.js'
import { textOf } from '../text/segment.js'
import { unpackSpeech } from '../text/speech-body.js'
import { callView } from './call-view.js'

export interface ViewNames {
  /** By number of the carrier dictionary; undefined: none, an entry of our own. */
  carrier(number: number): string | undefined
  status(status: number): string | undefined
  /** Time zone in which the carrier of this number writes dates; absent: UTC. */
  zone?(number: number): string
  /** Name of the account's recording with this SHA-256; absent: none. */
  recording?(account: number, sha256: string): string | undefined
}

/** What is known of the block's job. */
export interface JobFacts {
  /** null: a message that came one by one. */
  job: number | null
  createdAtMs: number | null
  isCanceled: boolean
  sendAtMs: number
  /** It is outside its sending hours. */
  isOutside: boolean
  /** Its hours are those of each recipient's zone; null: they are not. */
  zoned: RecipientHours | null
}

export interface MessageSource {
  block: number
  reader: BlockReader
  state: DecodedState | null
  facts: JobFacts
  /** Line of the file at which the range of this block begins, from 1. */
  firstLine: number
  nowMs: number
  extras(ref: MessageRef): MessageExtras
}

const message: OutgoingMessage = blankMessage()

export function stateOf(source: MessageSource, place: number): StateName {
  if (source.state !== null) {
    const name = STATES[source.state.states[place]!] ?? 'queued'
    if (name !== 'queued') return name
  }
  if (source.state === null && source.facts.isCanceled) return 'canceled'
  if (source.facts.isOutside || isShutOut(source, place)) return 'scheduled'
  const dueMs = Math.max(source.reader.dueSeconds(place) * 1000, source.facts.sendAtMs)
  return dueMs > source.nowMs ? 'scheduled' : 'queued'
}

/** It is outside the hours in its recipient's zone. */
function isShutOut({ reader, facts: { zoned }, nowMs }: MessageSource, place: number): boolean {
  if (zoned === null) return false
  const whose = { digits: reader.digits(place), isNumber: reader.isPlaced(place), zone: reader.zone }
  return !zoned.at(zoned.zonesOf(whose), nowMs).isOpen
}

export function reasonOf(source: MessageSource, place: number): ReasonCode | null {
  if (source.state === null) return source.facts.isCanceled ? 'CANCELED_BY_CUSTOMER' : null
  const reason = reasonCode(source.state.reasons[place]!)
  return reason === 'NONE' ? null : reason
}

/** Line of the file at which the message's record begins, from 1; null for a message that came one by one. */
export function lineOf(source: MessageSource, place: number): number | null {
  return source.facts.job === null ? null : source.firstLine + source.reader.facts(place).line
}

export function messageView(source: MessageSource, place: number, names: ViewNames): MessageView {
  const { reader, facts } = source
  const isWhole = reader.read(place, message)
  const erased = isWhole ? erasedOf(reader, place) : null
  const intact = isWhole && erased !== 'message'
  const hasText = intact && erased === null
  const createdAtMs = facts.createdAtMs ?? reader.createdSeconds * 1000
  const items = source.state?.history(place) ?? []
  const ref = messageRef(source.block, place)
  return {
    id: messageId(ref),
    job: facts.job === null ? null : jobId(facts.job),
    state: stateOf(source, place),
    reason: isWhole ? reasonOf(source, place) : 'RECORD_CORRUPT',
    to: intact ? reader.recipient(place) : '',
    from: reader.from,
    channel: isWhole ? (CHANNELS[reader.facts(place).channel] ?? 'sms') : 'sms',
    text: hasText && !isBinary(message) ? wholeText(message) : '',
    ...mailPart(hasText),
    ...callPart(hasText, reader.account, names),
    data: hasText && isBinary(message) ? wholeText(message) : null,
    erased,
    encoding: isWhole ? CODINGS[message.coding] : 'gsm7',
    parts: isWhole ? message.partCount : 0,
    ...(isWhole ? kindOf(reader, place) : NO_KIND),
    line: isWhole ? lineOf(source, place) : null,
    clientReference: source.extras(ref).clientReference ?? null,
    createdAt: new Date(createdAtMs).toISOString(),
    history: items.map((item) => historyEntry(item, names)),
  }
}

const NO_MAIL = { subject: null, html: null }

/** Of the message that was read last. */
function mailPart(intact: boolean): Pick<MessageView, 'subject' | 'html'> {
  if (!intact || CODINGS[message.coding] !== 'mail') return NO_MAIL
  const { bytes, partStarts, partLengths } = message
  const { subject, html } = unpackMail(bytes, partStarts[0]!, partStarts[0]! + partLengths[0]!)
  return { subject, html: html === '' ? null : html }
}

const NO_CALL = { prompts: null, language: null }

/** Of the message that was read last. */
function callPart(intact: boolean, account: number, names: ViewNames): Pick<MessageView, 'prompts' | 'language'> {
  if (!intact || CODINGS[message.coding] !== 'speech') return NO_CALL
  const { bytes, partStarts, partLengths } = message
  const { language, items } = unpackSpeech(bytes, partStarts[0]!, partStarts[0]! + partLengths[0]!)
  const prompts = items.map((item) => {
    if (!('recording' in item)) return item
    return { recording: names.recording?.(account, item.recording) ?? `sha256:${item.recording}` }
  })
  return { prompts, language }
}

const NO_KIND = { price: null, country: null }

/** What an earlier version accepted has neither. */
function kindOf(reader: BlockReader, place: number): Pick<MessageView, 'price' | 'country'> {
  const kind = reader.kinds()?.[reader.kindOf(place)]
  if (kind === undefined) return NO_KIND
  const { country, partPrice } = kind
  return { price: partPrice === null ? null : amountOf(partPrice * message.partCount), country: country || null }
}

function isBinary({ coding }: OutgoingMessage): boolean {
  return CODINGS[coding] === 'binary'
}

/** All parts together: text, or hex of octets. */
function wholeText(message: OutgoingMessage): string {
  const { bytes, partCount, partStarts, partLengths } = message
  let text = ''
  for (let part = 0; part < partCount; part++) {
    const start = partStarts[part]!
    text += textOf(bytes, start, start + partLengths[part]!, message)
  }
  return text
}

/** Outcomes that the history calls otherwise. */
const EVENTS: Partial<Record<OutcomeCode, string>> = {
  [OUTCOME.accepted]: 'submitted',
  [OUTCOME.heard]: 'delivered',
  [OUTCOME.unheard]: 'undelivered',
  [OUTCOME.putOff]: 'postponed',
}

function ofCall(entry: HistoryEntry, facts: CallFacts): void {
  if (facts.reason !== 'NONE') entry.reason = facts.reason
  entry.voice = callView(facts)
  if (facts.callId !== '') entry.carrierId = facts.callId
  if (facts.againSeconds > 0) entry.until = new Date(facts.againSeconds * 1000).toISOString()
}

function historyEntry(item: HistoryItem, names: ViewNames): HistoryEntry {
  const carrier = names.carrier(item.carrier)
  const event = EVENTS[item.code] ?? OUTCOME_NAMES[item.code] ?? 'unknown'
  const entry: HistoryEntry = { at: new Date(item.atMs).toISOString(), event }
  if (item.code === OUTCOME.settled) return { ...entry, state: STATES[item.attempt], by: item.error }
  // No carrier refused it: an entry of our own keeps its reason where others count attempts.
  if (carrier === undefined && item.code === OUTCOME.rejected) {
    return { ...entry, event: 'failed', reason: reasonCode(item.attempt) }
  }
  if (carrier === undefined) return entry
  entry.carrier = carrier
  entry.bind = item.bind
  entry.part = item.part + 1
  entry.attempt = item.attempt
  // The status of an unanswered part is a mark of our own (its policy), not the carrier's.
  if (item.status !== 0 && item.code !== OUTCOME.unanswered) {
    const own = readCarrierStatus(item.status)
    entry.status = own?.code ?? item.status
    entry.statusName = own?.name ?? names.status(item.status)
  }
  if (item.id !== '') entry.carrierId = item.id
  const facts = readCallFacts(item.error)
  if (facts !== null) ofCall(entry, facts)
  else if (item.error !== '') entry.error = item.error
  if (item.doneSeconds !== 0) {
    const seconds = instantOf(item.doneSeconds, names.zone?.(item.carrier) ?? 'UTC')
    entry.carrierTime = new Date(seconds * 1000).toISOString()
  }
  return entry
}
