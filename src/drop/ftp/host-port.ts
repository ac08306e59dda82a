/**
 * Addresses of data connections as the control connection writes them: PORT and PASV (RFC 959 §4.1.2), EPRT and EPSV
 * (RFC 2428). Site thread.
 */
import { isIPv4, isIPv6 } from 'node:net'

export interface HostPort {
  host: string
  port: number
}

/** `h1,h2,h3,h4,p1,p2`; null: malformed. */
export function parsePort(argument: string): HostPort | null {
  const match = /^(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})$/.exec(argument.trim())
  if (match === null) return null
  const octets = match.slice(1).map(Number)
  if (octets.some((octet) => octet > 255)) return null
  return { host: octets.slice(0, 4).join('.'), port: octets[4]! * 256 + octets[5]! }
}

/** `|1|192.0.2.1|5282|`: any printable delimiter, protocol 1 (IPv4) or 2 (IPv6). null: malformed; 'protocol': another one. */
export function parseExtendedPort(argument: string): HostPort | 'protocol' | null {
  const text = argument.trim()
  const delimiter = text[0] ?? ''
  if (!/^[!-~]$/.test(delimiter) || /[0-9A-Fa-f.:]/.test(delimiter)) return null
  const parts = text.split(delimiter)
  if (parts.length !== 5 || parts[4] !== '') return null
  const [, protocol = '', host = '', digits = ''] = parts
  if (!/^\d{1,5}$/.test(digits) || Number(digits) > 65_535) return null
  if (protocol === '1') return isIPv4(host) ? { host, port: Number(digits) } : null
  if (protocol === '2') return isIPv6(host) ? { host, port: Number(digits) } : null
  return /^\d+$/.test(protocol) ? 'protocol' : null
}

/** The six numbers of a reply 227. */
export function formatPassive({ host, port }: HostPort): string {
  return [...host.split('.'), port >> 8, port & 255].join(',')
}
