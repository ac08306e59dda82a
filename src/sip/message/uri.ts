/** sip, sips and tel URIs (RFC 3261 §19.1, RFC 3966): read, written, compared. */
import { isIPv6 } from 'node:net'
import { hostPort, parseHostPort } from './host-port.js'
import { sipLimits } from './sip-limits.js'

export interface SipUri {
  scheme: 'sip' | 'sips'
  /** Escapes undone; null: no user part. */
  user: string | null
  /** null: none. */
  password: string | null
  /** IPv6 without brackets. */
  host: string
  /** 0 = none said. */
  port: number
  /** By name in lower case, escapes undone; null: no value. */
  parameters: Map<string, string | null>
  /** Header fields for the request, by name in lower case, escapes undone. We never act upon them. */
  headers: Map<string, string>
}

export interface TelUri {
  scheme: 'tel'
  /** As it stands, with its visual separators. */
  number: string
  parameters: Map<string, string | null>
}

const SIP = /^(sips?):(?:([^@]*)@)?([^@;?]+)((?:;[^?]*)?)((?:\?.*)?)$/is
const TEL = /^tel:(\+?[0-9A-Fa-f*#().-]+)((?:;.*)?)$/is
const USER = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/#[\]^|{}`\x80-\uffff]|%[0-9A-Fa-f]{2})+$/
const ELEMENT = /^(?:[A-Za-z0-9\-_.!~*'()[\]/:&+$%@,]|[\x80-\uffff])*$/
/** What a user part may hold as it is (RFC 3261 §25.1: unreserved and user-unreserved). */
const USER_ESCAPED = /[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/gu
/** Without & = + $ , ; ? /: a password. */
const PASSWORD_ESCAPED = /[^A-Za-z0-9\-_.!~*'()&=+$,]/gu
/** unreserved and param-unreserved. */
const PARAMETER_ESCAPED = /[^A-Za-z0-9\-_.!~*'()[\]/:&+$]/gu
/** unreserved and hnv-unreserved. */
const HEADER_ESCAPED = /[^A-Za-z0-9\-_.!~*'()[\]/?:+$]/gu

/** null: not a sip or sips URI that can be understood. */
export function parseSipUri(text: string): SipUri | null {
  const [, scheme, userInfo, address, parameterText, headerText] = SIP.exec(text) ?? []
  if (text.length > sipLimits.lineChars || scheme === undefined) return null
  const at = address === undefined ? null : parseHostPort(address)
  const parameters = pairs(parameterText!.slice(1), ';', (value) => ELEMENT.test(value))
  const headers = pairs(headerText!.slice(1), '&', () => true)
  if (at === null || parameters === null || headers === null || /\s/.test(address!)) return null
  const uri = { scheme: scheme.toLowerCase() as 'sip' | 'sips', ...at, parameters, headers: valued(headers) }
  if (userInfo === undefined) return { ...uri, user: null, password: null }
  const colon = userInfo.indexOf(':')
  const user = colon < 0 ? userInfo : userInfo.slice(0, colon)
  const password = colon < 0 ? null : userInfo.slice(colon + 1)
  if (!USER.test(user) || (password !== null && password !== '' && !USER.test(password))) return null
  return { ...uri, user: unescaped(user), password: password === null ? null : unescaped(password) }
}

/** null: not a telephone number as RFC 3966 writes it. */
export function parseTelUri(text: string): TelUri | null {
  const [, number, parameterText] = TEL.exec(text) ?? []
  if (text.length > sipLimits.lineChars || number === undefined || !/[0-9A-Fa-f*#]/.test(number)) return null
  const parameters = pairs(parameterText!.slice(1), ';', (value) => ELEMENT.test(value))
  return parameters === null ? null : { scheme: 'tel', number, parameters }
}

export function parseUri(text: string): SipUri | TelUri | null {
  return /^tel:/i.test(text) ? parseTelUri(text) : parseSipUri(text)
}

export function writeUri(uri: SipUri | TelUri): string {
  const parameters = [...uri.parameters].map(([name, value]) => `;${pair(name, value, PARAMETER_ESCAPED)}`).join('')
  if (uri.scheme === 'tel') return `tel:${uri.number.replace(/[^0-9A-Fa-f*#+().-]/g, '')}${parameters}`
  const password = uri.password === null ? '' : `:${escaped(uri.password, PASSWORD_ESCAPED)}`
  const user = uri.user === null ? '' : `${escapeUser(uri.user)}${password}@`
  const headers = [...uri.headers].map(([name, value]) => pair(name, value, HEADER_ESCAPED)).join('&')
  const host = hostPort(uri.host.replace(/[^A-Za-z0-9_.:-]/g, ''), uri.port)
  return `${uri.scheme}:${user}${host}${parameters}${headers === '' ? '' : `?${headers}`}`
}

/** A user part as it may stand in a URI: `*61#` → `*61%23`. */
export function escapeUser(user: string): string {
  return escaped(user, USER_ESCAPED)
}

/** The user part of a sip URI or the number of a tel URI; '' = none, or not a URI. */
export function userOf(text: string): string {
  const uri = parseUri(text)
  if (uri === null) return ''
  return uri.scheme === 'tel' ? uri.number : (uri.user ?? '')
}

/** RFC 3261 §19.1.4 and RFC 3966 §4. Texts that are no such URIs are equal only as they stand. */
export function uriEquals(one: string, other: string): boolean {
  if (one === other) return true
  const a = parseUri(one)
  const b = parseUri(other)
  if (a === null || b === null || a.scheme !== b.scheme) return false
  if (a.scheme === 'tel' || b.scheme === 'tel') return telEquals(a as TelUri, b as TelUri)
  const isSameUser = userInfoOf(one) === userInfoOf(other)
  const isSameHost = hostKey(a.host) === hostKey(b.host) && a.port === b.port
  return isSameUser && isSameHost && parametersMatch(a.parameters, b.parameters) && headersMatch(a, b)
}

/** Case matters; an escape of what need not be escaped means the same as what it escapes (§19.1.4). */
function userInfoOf(text: string): string | null {
  const userInfo = SIP.exec(text)?.[2]
  if (userInfo === undefined) return null
  return userInfo.replace(/%[0-9A-Fa-f]{2}/g, (octet) => {
    const char = String.fromCharCode(Number.parseInt(octet.slice(1), 16))
    return /[A-Za-z0-9\-_.!~*'()]/.test(char) ? char : octet.toUpperCase()
  })
}

/** Parameters that only one URI may not have, since they say where or how it is reached (§19.1.4). */
const NEVER_IGNORED = ['user', 'ttl', 'method', 'maddr', 'transport']

function parametersMatch(one: Map<string, string | null>, other: Map<string, string | null>): boolean {
  if (NEVER_IGNORED.some((name) => one.has(name) !== other.has(name))) return false
  for (const [name, value] of one) if (other.has(name) && !sameText(value, other.get(name)!)) return false
  return true
}

function headersMatch(a: SipUri, b: SipUri): boolean {
  if (a.headers.size !== b.headers.size) return false
  for (const [name, value] of a.headers) if (b.headers.get(name) !== value) return false
  return true
}

function telEquals(a: TelUri, b: TelUri): boolean {
  const digits = (uri: TelUri): string => uri.number.replace(/[().-]/g, '').toLowerCase()
  if (digits(a) !== digits(b) || a.parameters.size !== b.parameters.size) return false
  for (const [name, value] of a.parameters) {
    if (!b.parameters.has(name) || !sameText(value, b.parameters.get(name)!)) return false
  }
  return true
}

function sameText(one: string | null, other: string | null): boolean {
  return one?.toLowerCase() === other?.toLowerCase()
}

/** IPv6 addresses in one of their spellings (RFC 5954 §4.2). */
function hostKey(host: string): string {
  return isIPv6(host) ? new URL(`http://[${host}]`).hostname : host.toLowerCase()
}

function pairs(
  text: string,
  separator: string,
  isValid: (value: string) => boolean,
): Map<string, string | null> | null {
  const found = new Map<string, string | null>()
  if (text === '') return found
  const elements = text.split(separator, sipLimits.parameters + 1)
  if (elements.length > sipLimits.parameters) return null
  // As behind addresses: one separator too many at the end does no harm.
  if (elements.at(-1) === '') elements.pop()
  for (const element of elements) {
    const equals = element.indexOf('=')
    const name = unescaped(equals < 0 ? element : element.slice(0, equals)).toLowerCase()
    const value = equals < 0 ? null : element.slice(equals + 1)
    if (name === '' || /\s/.test(element) || !isValid(value ?? '')) return null
    if (!found.has(name)) found.set(name, value === null ? null : unescaped(value))
  }
  return found
}

function valued(found: Map<string, string | null>): Map<string, string> {
  return new Map([...found].map(([name, value]): [string, string] => [name, value ?? '']))
}

function pair(name: string, value: string | null, pattern: RegExp): string {
  return value === null ? escaped(name, pattern) : `${escaped(name, pattern)}=${escaped(value, pattern)}`
}

/** Octets behind escapes are UTF-8; those that are not stay escaped. */
function unescaped(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (escapes) => {
    try {
      return decodeURIComponent(escapes)
    } catch {
      return escapes
    }
  })
}

function escaped(text: string, pattern: RegExp): string {
  return text.replace(pattern, (char) => {
    let octets = ''
    for (const octet of Buffer.from(char, 'utf8')) octets += `%${octet.toString(16).toUpperCase().padStart(2, '0')}`
    return octets
  })
}
