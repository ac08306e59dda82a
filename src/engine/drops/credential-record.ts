/** A drop credential as stored, what may be asked of one, and as the API shows it. Main thread. */
import { randomInt } from 'node:crypto'
import { isoTime, parseTime } from '../base/instant.js'
import { parseRange } from '../base/source-address.js'
import type { DropCredentialSettings, DropCredentialView } from '../contract/drop-credentials.js'
import { EngineError, type FieldError } from '../contract/errors.js'
import { fingerprint, type PublicKey, parsePublicKey } from './public-key.js'

export interface CredentialRecord {
  id: string
  /** Number of the account. */
  account: number
  username: string
  /** See password-hash.ts; null: keys only. */
  passwordHash: string | null
  publicKeys: PublicKey[]
  description: string | null
  cidrs: string[]
  /** null: never. */
  expiresAtMs: number | null
  createdAtMs: number
  lastUsedAtMs: number | null
}

/** What was asked, read and checked. */
export type CredentialTerms = Pick<CredentialRecord, 'publicKeys' | 'description' | 'cidrs' | 'expiresAtMs'>

const USERNAME = /^[a-z0-9][a-z0-9._-]{1,62}$/
const KEYS_MAX = 20
const CIDRS_MAX = 100
const PASSWORD_MIN = 12
const PASSWORD_MAX = 256
/** Without letters and digits that are taken for each other. */
const DIGITS = '23456789abcdefghjkmnpqrstuvwxyz'
const ID_DIGITS = 12
const PASSWORD_GROUPS = 5
const GROUP_DIGITS = 5
const NAME_DIGITS = 5
const NAME_ACCOUNT_CHARS = 50

/** @throws EngineError VALIDATION naming each wrong field. */
export function credentialTerms(settings: DropCredentialSettings, nowMs: number): CredentialTerms {
  const { description = null, expiresAt = null, cidrs = [], publicKeys = [], password, username } = settings
  const fields: FieldError[] = []
  const note = (pointer: string, message: string): void => void fields.push({ pointer, message })
  if (username !== undefined && !USERNAME.test(username)) {
    note('/username', 'must have 2 to 63 small letters, digits, dots, - and _, and begin with a letter or digit')
  }
  if (typeof password === 'string') {
    const length = [...password].length
    if (length < PASSWORD_MIN || length > PASSWORD_MAX) {
      note('/password', `must have ${PASSWORD_MIN} to ${PASSWORD_MAX} characters; leave it out and one is made`)
    }
    if (/\p{Cc}/u.test(password)) note('/password', 'must have no control characters')
  }
  if (password === null && publicKeys.length === 0) {
    note('/password', 'is null, and there are no publicKeys: nothing would open it')
  }
  const expiresAtMs = expiresAt === null ? null : parseTime(expiresAt)
  if (expiresAt !== null && (expiresAtMs === null || expiresAtMs <= nowMs)) {
    note('/expiresAt', 'must be a time to come, with zone, such as 2030-01-01T00:00:00Z')
  }
  if (cidrs.length > CIDRS_MAX) note('/cidrs', `must have at most ${CIDRS_MAX}`)
  cidrs.forEach((text, index) => {
    if (parseRange(text) === null) note(`/cidrs/${index}`, 'must be an address or a range such as 192.0.2.0/24')
  })
  const keys = readKeys(publicKeys, note)
  if (fields.length > 0) throw new EngineError('VALIDATION', 'The settings of the log-in do not fit.', { fields })
  return { publicKeys: keys, description, cidrs: [...new Set(cidrs)], expiresAtMs }
}

function readKeys(lines: readonly string[], note: (pointer: string, message: string) => void): PublicKey[] {
  const keys = new Map<string, PublicKey>()
  if (lines.length > KEYS_MAX) note('/publicKeys', `must have at most ${KEYS_MAX}`)
  lines.slice(0, KEYS_MAX).forEach((line, index) => {
    const key = parsePublicKey(line)
    if ('problem' in key) note(`/publicKeys/${index}`, key.problem)
    else keys.set(key.blob, key)
  })
  return [...keys.values()]
}

export function isExpired({ expiresAtMs }: CredentialRecord, nowMs: number): boolean {
  return expiresAtMs !== null && expiresAtMs <= nowMs
}

export function credentialView(record: CredentialRecord, account: string, nowMs: number): DropCredentialView {
  return {
    id: record.id,
    account,
    username: record.username,
    hasPassword: record.passwordHash !== null,
    publicKeys: record.publicKeys.map((key) => ({
      type: key.type,
      fingerprint: fingerprint(key),
      comment: key.comment,
    })),
    description: record.description,
    cidrs: record.cidrs,
    createdAt: new Date(record.createdAtMs).toISOString(),
    expiresAt: isoTime(record.expiresAtMs),
    expired: isExpired(record, nowMs),
    lastUsedAt: isoTime(record.lastUsedAtMs),
  }
}

export function newCredentialId(): string {
  return `cred_${randomDigits(ID_DIGITS)}`
}

/** About 124 random bits, in groups that can be read out. */
export function newPassword(): string {
  return Array.from({ length: PASSWORD_GROUPS }, () => randomDigits(GROUP_DIGITS)).join('-')
}

/** Of an account of this id, when it names none itself. */
export function newUsername(account: string): string {
  return `${account.slice(0, NAME_ACCOUNT_CHARS)}-${randomDigits(NAME_DIGITS)}`
}

function randomDigits(count: number): string {
  return Array.from({ length: count }, () => DIGITS[randomInt(DIGITS.length)]).join('')
}
