/** Via (RFC 3261 §20.42, §18.2; `rport` RFC 3581): which way a request came, and so which way its response goes. */

import type { SipHeaders } from './headers.js'
import { hostPort, parseHostPort } from './host-port.js'
import { splitOutside } from './list.js'
import { type Parameters, parseParameters, writeParameters } from './parameters.js'
import { isToken, trimSpace } from './syntax.js'

export interface Via {
  /** UDP, TCP, TLS …, in capitals. */
  transport: string
  /** sent-by; IPv6 without brackets. */
  host: string
  /** 0 = none said: 5060, or 5061 for TLS. */
  port: number
  /** branch, received, rport, maddr, ttl and others. */
  parameters: Parameters
}

/** Every branch made after RFC 3261 begins so (§8.1.1.7). */
export const MAGIC_COOKIE = 'z9hG4bK'

/** One Via; null: it is none. White space around slashes and the colon is allowed. */
export function parseVia(value: string): Via | null {
  const semicolon = value.indexOf(';')
  const front = semicolon < 0 ? value : value.slice(0, semicolon)
  const [name, version, rest, more] = front.split('/', 4).map(trimSpace)
  if (rest === undefined || more !== undefined || name!.toUpperCase() !== 'SIP' || version !== '2.0') return null
  const [, transport, sentBy] = /^([^ \t]+)[ \t]+(.+)$/s.exec(rest) ?? []
  if (transport === undefined || !isToken(transport)) return null
  const address = parseHostPort(sentBy!)
  const parameters = semicolon < 0 ? new Map<string, null>() : parseParameters(value.slice(semicolon + 1))
  if (address === null || parameters === null) return null
  return { transport: transport.toUpperCase(), ...address, parameters }
}

export function writeVia({ transport, host, port, parameters }: Via): string {
  return `SIP/2.0/${transport} ${hostPort(host, port)}${writeParameters(parameters)}`
}

/** All Vias, topmost first; null: one of them is none. */
export function viasOf(headers: SipHeaders): Via[] | null {
  const vias: Via[] = []
  for (const value of headers.all('via')) {
    const elements = splitOutside(value, ',')
    if (elements === null) return null
    for (const element of elements) {
      const via = parseVia(element)
      if (via === null) return null
      vias.push(via)
    }
  }
  return vias
}

/** null: there is none, or it is none. */
export function topVia(headers: SipHeaders): Via | null {
  const first = headers.get('via')
  return first === undefined ? null : parseVia(splitOutside(first, ',')?.[0] ?? '')
}

/** Branch of the topmost Via; '' = none. */
export function branchOf(headers: SipHeaders): string {
  return topVia(headers)?.parameters.get('branch') ?? ''
}

/**
 * Notes in the topmost Via of a request where it came from (RFC 3261 §18.2.1, RFC 3581 §4): `received` when sent-by is not
 * that address or a port was asked for, and the port when `rport` asks for it.
 */
export function stampSource(headers: SipHeaders, address: string, port: number): void {
  const value = headers.get('via')
  const via = topVia(headers)
  if (value === undefined || via === null) return
  const asksPort = via.parameters.has('rport')
  if (!asksPort && via.host.toLowerCase() === address.toLowerCase()) return
  via.parameters.set('received', address)
  if (asksPort) via.parameters.set('rport', String(port))
  const others = splitOutside(value, ',')!.slice(1)
  headers.setFirst('via', [writeVia(via), ...others].join(', '))
}
