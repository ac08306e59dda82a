/**
 * Answers to digest challenges (RFC 2617, RFC 7616, RFC 8760): MD5, SHA-256 and SHA-512-256, each with its session form,
 * with qop auth, auth-int or none (RFC 2069).
 */
import { createHash } from 'node:crypto'
import type { DigestChallenge, DigestHash } from './challenge.js'
import { isToken, quoted } from './syntax.js'

export interface DigestUse {
  challenge: DigestChallenge
  user: string
  password: string
  method: string
  /** Request-URI as it stands in the request. */
  uri: string
  body: Uint8Array
  /** Octets of chance as text; the same for all requests of one nonce, since session keys are made of it. */
  cnonce: string
  /** 1 for the first request of a nonce. */
  nonceCount: number
}

/** Value of the `response` parameter, in lower-case hexadecimal. */
export function digestResponse(use: DigestUse): string {
  const { challenge, user, password, method, uri, cnonce } = use
  const { hash, nonce, realm, qop } = challenge
  const secret = hashed(hash, `${user}:${realm}:${password}`)
  const key = challenge.isSession ? hashed(hash, `${secret}:${nonce}:${cnonce}`) : secret
  const request = qop === 'auth-int' ? `${method}:${uri}:${hashed(hash, use.body)}` : `${method}:${uri}`
  const counted = qop === '' ? '' : `:${countText(use.nonceCount)}:${cnonce}:${qop}`
  return hashed(hash, `${key}:${nonce}${counted}:${hashed(hash, request)}`)
}

/** Value of Authorization or Proxy-Authorization (RFC 3261 §22.4). */
export function writeCredentials(use: DigestUse): string {
  const { challenge, cnonce } = use
  const parts = [
    `username=${quoted(use.user)}`,
    `realm=${quoted(challenge.realm)}`,
    `nonce=${quoted(challenge.nonce)}`,
    `uri=${quoted(use.uri)}`,
    `response="${digestResponse(use)}"`,
  ]
  if (isToken(challenge.algorithm)) parts.push(`algorithm=${challenge.algorithm}`)
  if (challenge.qop !== '')
    parts.push(`cnonce=${quoted(cnonce)}`, `qop=${challenge.qop}`, `nc=${countText(use.nonceCount)}`)
  else if (challenge.isSession) parts.push(`cnonce=${quoted(cnonce)}`)
  if (challenge.opaque !== null) parts.push(`opaque=${quoted(challenge.opaque)}`)
  return `Digest ${parts.join(', ')}`
}

function hashed(hash: DigestHash, data: string | Uint8Array): string {
  return createHash(hash).update(data).digest('hex')
}

function countText(count: number): string {
  return count.toString(16).padStart(8, '0')
}
