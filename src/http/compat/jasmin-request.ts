/**
 * Jasmin's /send request (its HTTP API): the parameters as a message of ours, or the error that Jasmin answers. Main thread.
 */
import type { MessageRequest } from '../../engine/contract/api.js'
import { CALLBACK_MASK, type MessageCallback } from '../../engine/contract/extras.js'
import type { Parameters } from './parameters.js'

/** Written as Jasmin writes it: Error "…". */
export class JasminRefusal extends Error {
  readonly status: number
  constructor(text: string, status = 400) {
    super(text)
    this.status = status
  }
}

const KNOWN: ReadonlySet<string> = new Set([
  ...['username', 'password', 'to', 'from', 'content', 'hex-content', 'coding', 'priority', 'sdt', 'validity-period'],
  ...['dlr', 'dlr-url', 'dlr-level', 'dlr-method', 'tags', 'custom_tlvs'],
])
/** Level of the SMSC, of the terminal, of both. */
const LEVELS: Record<string, number> = {
  '1': CALLBACK_MASK.accepted | CALLBACK_MASK.refused,
  '2': CALLBACK_MASK.delivered | CALLBACK_MASK.undelivered | CALLBACK_MASK.refused,
  '3': CALLBACK_MASK.accepted | CALLBACK_MASK.refused | CALLBACK_MASK.delivered | CALLBACK_MASK.undelivered,
}
/** Relative delivery time of SMPP 3.4 §7.1.1.2: years, months, days, hours, minutes, seconds. */
const RELATIVE = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\d\d\dR$/
const SECONDS = [31_536_000, 2_592_000, 86_400, 3_600, 60, 1]

/** `nowMs`: what a relative time counts from. @throws JasminRefusal. */
export function jasminRequest(given: Parameters, nowMs: number): MessageRequest {
  const unknown = given.names().find((name) => !KNOWN.has(name))
  if (unknown !== undefined) throw new JasminRefusal(`Argument [${unknown}] is unknown.`)
  if (given.text('to') === null) throw missing('to')
  // An SMS gateway is spoken to: landlines get an SMS where there is a way, never a call.
  const message: MessageRequest = { to: given.text('to')!, channel: 'sms', ...bodyOf(given) }
  const from = given.text('from')
  if (from !== null && from !== '') message.from = from
  const priority = wordOf(given, 'priority', /^[0-3]$/)
  if (priority === '2' || priority === '3') message.priority = 'high'
  const validity = wordOf(given, 'validity-period', /^\d{1,6}$/)
  if (validity !== null && Number(validity) > 0) message.validForSeconds = Number(validity) * 60
  const later = wordOf(given, 'sdt', RELATIVE)
  if (later !== null) message.sendAt = new Date(nowMs + secondsOf(later) * 1000).toISOString()
  const callback = callbackOf(given)
  if (callback !== null) message.callback = callback
  return message
}

function missing(name: string): JasminRefusal {
  return new JasminRefusal(`Mandatory argument [${name}] is not found.`)
}

function wordOf(given: Parameters, name: string, shape: RegExp): string | null {
  const text = given.text(name)
  if (text === null || shape.test(text)) return text
  throw new JasminRefusal(`Argument [${name}] has an invalid value: [${text.slice(0, 100)}].`)
}

function secondsOf(relative: string): number {
  const [, ...digits] = RELATIVE.exec(relative)!
  return digits.reduce((sum, text, index) => sum + Number(text) * SECONDS[index]!, 0)
}

/** Text is cut and coded by us; octets are sent as they are, unless their coding says that they are a text. */
function bodyOf(given: Parameters): Pick<MessageRequest, 'text' | 'data'> {
  const coding = wordOf(given, 'coding', /^(?:[0-9]|1[0-4])$/) ?? '0'
  const hex = wordOf(given, 'hex-content', /^(?:[0-9a-f]{2})*$/i)
  const content = given.octets('content')
  if (hex === null && content === null) throw missing('content')
  if (hex === null) return { text: content!.toString() }
  if (content !== null) throw new JasminRefusal('content and hex-content cannot be used both in same request.')
  const octets = Buffer.from(hex, 'hex')
  if (coding === '8') return { text: new TextDecoder('utf-16be').decode(octets) }
  if (coding === '3') return { text: octets.toString('latin1') }
  return { data: hex }
}

function callbackOf(given: Parameters): MessageCallback | null {
  if (wordOf(given, 'dlr', /^(?:yes|no)$/) !== 'yes') return null
  const url = given.text('dlr-url')
  const level = wordOf(given, 'dlr-level', /^[1-3]$/) ?? '1'
  const method = wordOf(given, 'dlr-method', /^(?:get|post)$/i)?.toUpperCase() === 'POST' ? 'POST' : 'GET'
  if (url === null) return null
  return { format: 'jasmin', url, mask: LEVELS[level]!, method }
}
