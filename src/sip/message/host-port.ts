/** `host:port` with names, IPv4 addresses and bracketed IPv6 addresses (RFC 3261 §25.1). */
import { isIPv6 } from 'node:net'
import { trimSpace, wholeNumber } from './syntax.js'

export interface HostPort {
  /** IPv6 without brackets. */
  host: string
  /** 0 = not said. */
  port: number
}

/** Names may have underscores: they are forbidden and in use. */
const NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/

/** White space around the colon is allowed (RFC 4475 §3.1.1.1). null: not a host with or without a port. */
export function parseHostPort(text: string): HostPort | null {
  const close = text.startsWith('[') ? text.indexOf(']') : -1
  const colon = text.indexOf(':', close + 1)
  const host = trimSpace(colon < 0 ? text : text.slice(0, colon))
  const port = colon < 0 ? 0 : wholeNumber(trimSpace(text.slice(colon + 1)), 65_535)
  if (port < 0 || (colon >= 0 && port === 0)) return null
  if (close < 0) return host.length <= 255 && NAME.test(host) ? { host, port } : null
  const address = host.slice(1, -1)
  return host.endsWith(']') && isIPv6(address) && !address.includes('%') ? { host: address, port } : null
}

export function hostPort(host: string, port: number): string {
  const written = host.includes(':') ? `[${host}]` : host
  return port === 0 ? written : `${written}:${port}`
}
