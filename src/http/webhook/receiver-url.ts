/**
 * What a receiver's URL must be. The WHATWG parser brings every spelling of an IP literal (decimal, octal, hexadecimal,
 * short, percent-encoded, full-width digits) into one form, so that what is checked is what would be connected to. Node
 * never asks a lookup function about literals, so they are checked here, apart from names.
 */
import { isIPv4 } from 'node:net'
import { isPublicAddress } from './public-address.js'

export interface UrlRules {
  /** Also permits http and any port. */
  allowPrivateAddresses: boolean
  ports: readonly number[]
}

const URL_MAX = 2_048
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'https:': 443, 'http:': 80 }
/** RFC 6761 and 6762: names that never leave the host or its network, and the one that clouds use for metadata. */
const LOCAL_NAME = /(?:^|\.)(?:localhost|local|internal|localdomain|home\.arpa)$/

export interface Receiver {
  url: URL
  /** Without brackets and without a dot at the end. */
  host: string
  isLiteral: boolean
}

/** The receiver, or why it may not be one: the end of a sentence that begins with the name of the field. */
export function receiverOf(text: string, rules: UrlRules): Receiver | string {
  if (text.length > URL_MAX) return `must have at most ${URL_MAX} characters`
  if (!URL.canParse(text)) return 'must be a URL such as https://example.com/hooks'
  const url = new URL(text)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && rules.allowPrivateAddresses))
    return 'must begin with https://'
  if (url.username !== '' || url.password !== '') return 'must not have a user or a password'
  const port = url.port === '' ? DEFAULT_PORTS[url.protocol]! : Number(url.port)
  if (port === 0) return 'must name a port above 0'
  if (!rules.allowPrivateAddresses && !rules.ports.includes(port))
    return `must have one of the ports ${rules.ports.join(', ')}`
  const receiver = hostOf(url)
  if (rules.allowPrivateAddresses) return receiver
  if (receiver.isLiteral) return isPublicAddress(receiver.host) ? receiver : NOT_PUBLIC
  if (LOCAL_NAME.test(receiver.host) || !receiver.host.includes('.')) return NOT_PUBLIC
  return receiver
}

/** It does not say which address: that would let accounts look into our network. */
export const NOT_PUBLIC = 'must name a host whose addresses are all public'

function hostOf(url: URL): Receiver {
  const { hostname } = url
  if (hostname.startsWith('[')) return { url, host: hostname.slice(1, -1), isLiteral: true }
  const host = hostname.replace(/\.+$/, '')
  return { url, host, isLiteral: isIPv4(host) }
}
