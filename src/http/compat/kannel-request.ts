/**
 * Kannel's sendsms request (Kannel user guide, "Sending SMS messages via HTTP"): its parameters as a message of ours, or
 * what Kannel itself answers when one cannot be read. Main thread.
 */
import type { MessageRequest } from '../../engine/contract/api.js'
import type { MessageCallback } from '../../engine/contract/extras.js'
import type { Parameters } from './parameters.js'

export interface KannelRequest {
  recipients: string[]
  /** Of each recipient; `to` is filled in. */
  message: Omit<MessageRequest, 'to'>
}

/** Kannel's own words for a parameter that cannot be read, with its status. */
export class KannelRefusal extends Error {
  readonly status: number
  constructor(text: string, status = 400) {
    super(text)
    this.status = status
  }
}

const MINUTE_SECONDS = 60
const YEAR_MINUTES = 527_040
const MASK_MAX = 31

/** `nowMs`: what deferral counts from. @throws KannelRefusal. */
export function kannelRequest(given: Parameters, nowMs: number): KannelRequest {
  const recipients = (given.text('to') ?? '').split(/[\s,;]+/).filter((number) => number !== '')
  if (recipients.length === 0) throw new KannelRefusal('Missing receiver number, rejected')
  const validity = numberOf(given, 'validity', 'Validity', YEAR_MINUTES)
  const deferred = numberOf(given, 'deferred', 'Deferred', YEAR_MINUTES)
  const priority = numberOf(given, 'priority', 'Priority', 3)
  // An SMS gateway is spoken to: landlines get an SMS where there is a way, never a call.
  const message: Omit<MessageRequest, 'to'> = { channel: 'sms', ...bodyOf(given) }
  const from = given.text('from')
  if (from !== null && from !== '') message.from = from
  if (numberOf(given, 'mclass', 'MClass', 3) === 0) message.flash = true
  if (validity !== null && validity > 0) message.validForSeconds = validity * MINUTE_SECONDS
  if (deferred !== null && deferred > 0) message.sendAt = new Date(nowMs + deferred * 60_000).toISOString()
  if (priority !== null && priority > 1) message.priority = 'high'
  const reference = given.text('account')
  if (reference !== null && reference !== '') message.clientReference = reference.slice(0, 256)
  const callback = callbackOf(given)
  if (callback !== null) message.callback = callback
  return { recipients, message }
}

/** null: it is not given. Kannel reads what does not fit as an error, and so do we. */
function numberOf(given: Parameters, name: string, title: string, most: number): number | null {
  const text = given.text(name)
  if (text === null || text === '') return null
  const value = Number(text)
  if (/^\d+$/.test(text) && value <= most) return value
  throw new KannelRefusal(`${title} field misformed, rejected`)
}

function bodyOf(given: Parameters): Pick<MessageRequest, 'text' | 'data' | 'udh'> {
  const octets = given.octets('text') ?? Buffer.alloc(0)
  const header = given.octets('udh')
  const coding = numberOf(given, 'coding', 'Coding', 2) ?? 0
  if (coding === 1 || (header !== null && header.length > 0)) {
    if (coding !== 1) throw new KannelRefusal('UDH field needs coding 1, rejected')
    const data = octets.toString('hex')
    return header === null || header.length === 0 ? { data } : { data, udh: header.toString('hex') }
  }
  return { text: textOf(octets, given.text('charset') ?? (coding === 2 ? 'UTF-16BE' : 'UTF-8')) }
}

function textOf(octets: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(octets)
  } catch {
    throw new KannelRefusal('Charset or body misformed, rejected')
  }
}

function callbackOf(given: Parameters): MessageCallback | null {
  const mask = numberOf(given, given.text('dlr-mask') === null ? 'dlrmask' : 'dlr-mask', 'DLR-Mask', MASK_MAX) ?? 0
  const url = given.text('dlr-url', 'dlrurl')
  if (mask === 0 || url === null || url === '') return null
  return { format: 'kannel', url, mask, method: 'GET' }
}
