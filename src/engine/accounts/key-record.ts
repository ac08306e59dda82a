/** An API key as stored, what it was made for, and as the API shows it. Main thread. */

import { isoTime, parseTime } from '../base/instant.js'
import { AddressRanges, parseRange } from '../base/source-address.js'
import { SCOPES, type Scope } from '../contract/api.js'
import type { KeySettings, KeyView } from '../contract/api-key.js'
import { EngineError, type FieldError } from '../contract/errors.js'
import { keyPrefix } from './key.js'

const CIDRS_MAX = 100
const NAME_MAX = 128

export interface KeyRecord {
  id: string
  account: string
  digest: Uint8Array
  name: string | null
  scopes: Scope[]
  /** null: never. */
  expiresAtMs: number | null
  /** Where requests may come from; empty: from anywhere. */
  cidrs: string[]
  createdAtMs: number
  lastUsedAtMs: number | null
}

/** What is asked of a key that is to be made. */
export type KeyTerms = Pick<KeyRecord, 'name' | 'scopes' | 'expiresAtMs' | 'cidrs'>

const ANY: KeyTerms = { name: null, scopes: [...SCOPES], expiresAtMs: null, cidrs: [] }

/** A key in memory: its ranges are read once. */
export interface HeldKey {
  record: KeyRecord
  /** null: from anywhere. */
  ranges: AddressRanges | null
}

/** A record that an earlier version stored lacks what came since. */
export function heldKey(stored: KeyRecord): HeldKey {
  const record = { ...ANY, ...stored }
  return { record, ranges: record.cidrs.length === 0 ? null : new AddressRanges(record.cidrs) }
}

/** `at`: where in the body the settings stand. @throws EngineError VALIDATION. */
export function keyTerms(settings: KeySettings, nowMs: number, at = ''): KeyTerms {
  const { name = null, scopes = SCOPES, expiresAt = null, cidrs = [] } = settings
  const fields: FieldError[] = []
  const expiresAtMs = expiresAt === null ? null : parseTime(expiresAt)
  if (expiresAt !== null && (expiresAtMs === null || expiresAtMs <= nowMs)) {
    fields.push({
      pointer: `${at}/expiresAt`,
      message: 'must be a time to come, with zone, such as 2030-01-01T00:00:00Z',
    })
  }
  if (name !== null && (name === '' || name.length > NAME_MAX)) {
    fields.push({ pointer: `${at}/name`, message: `must have 1 to ${NAME_MAX} characters` })
  }
  if (scopes.length === 0 || scopes.some((scope) => !SCOPES.includes(scope))) {
    fields.push({ pointer: `${at}/scopes`, message: `must name at least one of ${SCOPES.join(', ')}` })
  }
  if (cidrs.length > CIDRS_MAX) fields.push({ pointer: `${at}/cidrs`, message: `must have at most ${CIDRS_MAX}` })
  cidrs.forEach((text, index) => {
    if (parseRange(text) !== null) return
    fields.push({ pointer: `${at}/cidrs/${index}`, message: 'must be an address or a range such as 192.0.2.0/24' })
  })
  if (fields.length > 0) throw new EngineError('VALIDATION', 'The settings of the key do not fit.', { fields })
  return { name, scopes: SCOPES.filter((scope) => scopes.includes(scope)), expiresAtMs, cidrs: [...new Set(cidrs)] }
}

export function isExpired({ expiresAtMs }: KeyRecord, nowMs: number): boolean {
  return expiresAtMs !== null && expiresAtMs <= nowMs
}

/** @throws EngineError UNAUTHORIZED: expired. FORBIDDEN: asked from elsewhere. */
export function checkTerms({ record, ranges }: HeldKey, nowMs: number, ip: string | undefined): void {
  if (isExpired(record, nowMs)) {
    throw new EngineError('UNAUTHORIZED', `this key expired at ${isoTime(record.expiresAtMs)}; ask for another one`)
  }
  // A call from within the process comes from no address.
  if (ranges === null || ip === undefined || ranges.has(ip)) return
  throw new EngineError('FORBIDDEN', `this key may not be used from ${ip}; its list of addresses does not have it`)
}

export function keyView(record: KeyRecord, nowMs: number): KeyView {
  return {
    id: record.id,
    name: record.name,
    prefix: keyPrefix(record.id),
    scopes: record.scopes,
    cidrs: record.cidrs,
    createdAt: new Date(record.createdAtMs).toISOString(),
    expiresAt: isoTime(record.expiresAtMs),
    expired: isExpired(record, nowMs),
    lastUsedAt: isoTime(record.lastUsedAtMs),
  }
}
