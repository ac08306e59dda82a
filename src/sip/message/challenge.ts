/** WWW-Authenticate and Proxy-Authenticate (RFC 3261 §20.27, §20.44; RFC 7616 §3.3; RFC 8760): what a peer asks for. */
import { createHash } from 'node:crypto'
import type { SipHeaders } from './headers.js'
import { splitOutside } from './list.js'
import { sipLimits } from './sip-limits.js'
import { isToken, trimSpace, unquoted } from './syntax.js'

export interface Challenge {
  /** In lower case: digest. */
  scheme: string
  /** By name in lower case; quotes and escapes undone. */
  parameters: ReadonlyMap<string, string>
}

/** `Digest realm="…", nonce="…"` → what it says; also of credentials. null: it is no such thing. */
export function parseChallenge(value: string): Challenge | null {
  return challengesOf([value])[0] ?? null
}

/** Of all field lines; several in one line, which is not allowed, are taken apart as well. Those without sense are left out. */
export function challengesOf(values: readonly string[]): Challenge[] {
  const found: Challenge[] = []
  for (const value of values) {
    const elements = splitOutside(value, ',', sipLimits.parameters) ?? []
    let parameters: Map<string, string> | null = null
    for (const element of elements) {
      const [, scheme, rest] = /^([^\s=",]+)(?:\s+(.*))?$/s.exec(element) ?? []
      const isStart = scheme !== undefined && isToken(scheme) && !rest?.startsWith('=')
      if (isStart && found.length === sipLimits.listElements) return found
      if (isStart) {
        parameters = new Map()
        found.push({ scheme: scheme.toLowerCase(), parameters })
      }
      if (parameters !== null) put(parameters, isStart ? (rest ?? '') : element)
    }
  }
  return found
}

function put(parameters: Map<string, string>, pair: string): void {
  const equals = pair.indexOf('=')
  const name = trimSpace(pair.slice(0, Math.max(0, equals))).toLowerCase()
  if (isToken(name) && !parameters.has(name)) parameters.set(name, unquoted(trimSpace(pair.slice(equals + 1))))
}

/** The header fields of a 401 or 407: where challenges stand in it, and where the answer goes. */
export const CHALLENGE_FIELDS = {
  401: { asks: 'www-authenticate', answers: 'authorization' },
  407: { asks: 'proxy-authenticate', answers: 'proxy-authorization' },
} as const

/** Digest challenges of one realm each, the strongest that we can answer (RFC 7616 §3.7); empty: none. */
export function digestChallenges(headers: SipHeaders, field: string): DigestChallenge[] {
  const byRealm = new Map<string, DigestChallenge>()
  for (const challenge of challengesOf(headers.all(field))) {
    const digest = digestChallenge(challenge)
    if (digest === null) continue
    const other = byRealm.get(digest.realm)
    if (other === undefined ? byRealm.size < REALMS_MAX : strength(digest) > strength(other))
      byRealm.set(digest.realm, digest)
  }
  return [...byRealm.values()]
}

const REALMS_MAX = 4

export interface DigestChallenge {
  realm: string
  nonce: string
  /** To be sent back; null: none. */
  opaque: string | null
  /** As it was written, for the answer; '' = not said: MD5. */
  algorithm: string
  hash: DigestHash
  /** `-sess`: the session key is made once a nonce. */
  isSession: boolean
  /** '' = none, as in RFC 2069. */
  qop: '' | 'auth' | 'auth-int'
  /** The nonce was too old; name and password may well be right. */
  isStale: boolean
}

export type DigestHash = 'md5' | 'sha256' | 'sha512-256'

/** By the name of the algorithm without `-sess`. */
const HASHES: Readonly<Record<string, DigestHash>> = { md5: 'md5', 'sha-256': 'sha256', 'sha-512-256': 'sha512-256' }

/** A machine in FIPS mode has no MD5: a challenge that names it cannot be answered there, and must not throw. */
const AVAILABLE = new Set(Object.values(HASHES).filter(isAvailable))

function isAvailable(hash: DigestHash): boolean {
  try {
    createHash(hash)
    return true
  } catch {
    return false
  }
}

/** null: not a digest, or one that we cannot answer: an unknown algorithm, no known qop, no nonce. */
export function digestChallenge({ scheme, parameters }: Challenge): DigestChallenge | null {
  const realm = parameters.get('realm')
  const nonce = parameters.get('nonce')
  if (scheme !== 'digest' || realm === undefined || nonce === undefined) return null
  const algorithm = parameters.get('algorithm') ?? ''
  const [, base, session] = /^(.*?)(-sess)?$/.exec((algorithm || 'md5').toLowerCase())!
  const hash = HASHES[base!]
  const qop = qopOf(parameters.get('qop') ?? '')
  if (hash === undefined || !AVAILABLE.has(hash) || qop === null) return null
  const isStale = parameters.get('stale')?.toLowerCase() === 'true'
  const opaque = parameters.get('opaque') ?? null
  return { realm, nonce, opaque, algorithm, hash, isSession: session !== undefined, qop, isStale }
}

/** auth where it is offered, since it costs less; null: something is asked for that is unknown. */
function qopOf(offered: string): DigestChallenge['qop'] | null {
  const options = offered.toLowerCase().split(',').map(trimSpace)
  if (options.includes('auth')) return 'auth'
  if (options.includes('auth-int')) return 'auth-int'
  return options.every((option) => option === '') ? '' : null
}

function strength({ hash }: DigestChallenge): number {
  return hash === 'md5' ? 0 : hash === 'sha256' ? 1 : 2
}
