/**
 * Email addresses: a practical subset of RFC 5321 §4.1.2, the one that mail programs and shops take. The local part is a
 * dot-string of ASCII, IDN labels of the domain are in their ASCII form, and all of it is lower case: no mailbox of the world
 * tells cases apart, and what was unsubscribed as Ann@ must not be written to as ann@. Quoted local parts, domain literals and
 * SMTPUTF8 are refused. Any thread, once per recipient.
 */
import { domainToASCII } from 'node:url'
import { limits } from '../contract/limits.js'

const LOCAL = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const DOMAIN = new RegExp(`^(?:${LABEL}\\.)+(?:[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)$`)
const LOCAL_MOST = 64
const DOMAIN_MOST = 253
/** What spreadsheets and web pages leave around an address. */
const AROUND = /^[\s\u200b\u200e\u200f\ufeff]*(?:mailto:)?|[\s\u200b\u200e\u200f\ufeff]+$/gi
const BRACKETED = /^<([^<>]+)>$/
const ASCII_DOMAIN = /^[\x21-\x7e]*$/
const UPPER = /[A-Z]/

/** The address as it is sent to; null: none. */
export function emailAddress(written: string): string | null {
  if (written.length > 2 * limits.emailChars) return null
  const trimmed = written.replace(AROUND, '')
  const bare = BRACKETED.exec(trimmed)?.[1] ?? trimmed
  const at = bare.lastIndexOf('@')
  if (at <= 0 || at > LOCAL_MOST) return null
  const local = bare.slice(0, at)
  if (!LOCAL.test(local)) return null
  const domain = asciiDomain(bare.slice(at + 1))
  if (domain === null) return null
  const address = `${foldAddress(local)}@${domain}`
  return address.length > limits.emailChars ? null : address
}

/** null: not a domain that mail can go to. */
export function asciiDomain(written: string): string | null {
  let domain = written
  if (!ASCII_DOMAIN.test(written)) domain = domainToASCII(written)
  else if (UPPER.test(written)) domain = written.toLowerCase()
  return domain.length <= DOMAIN_MOST && DOMAIN.test(domain) ? domain : null
}

function foldAddress(address: string): string {
  return UPPER.test(address) ? address.toLowerCase() : address
}

export interface Mailbox {
  /** '' = none. */
  name: string
  address: string
}

const NAMED = /^(.*?)\s*<([^<>]+)>$/s
const NAME_MOST = 128
const MAILBOX_BYTES = 255
const CONTROL = /\p{C}/u

/** `clinic@example.com` or `Clinic <clinic@example.com>`; null: neither. */
export function mailboxOf(written: string): Mailbox | null {
  if (CONTROL.test(written) || Buffer.byteLength(written) > MAILBOX_BYTES) return null
  const named = NAMED.exec(written.trim())
  const address = emailAddress(named?.[2] ?? written)
  if (address === null) return null
  const name = (named?.[1] ?? '').trim().replace(/^"(.*)"$/, '$1')
  return name.length > NAME_MOST ? null : { name, address }
}
