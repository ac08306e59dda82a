/**
 * API keys: `sk_<env>_<id>_<32 random bytes in base64url>_<crc>`. The id finds the record, SHA-256 of the whole key proves
 * it: a fast hash is right for a secret of 256 random bits. The checksum (CRC-32C of all before it, eight hexadecimal
 * digits) tells a mistyped key from a wrong one, and a key in a scanned file from any other text; keys of earlier versions
 * have none. Main thread.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32c } from '../base/crc32c.js'

const SHAPE = /^sk_[a-z]+_([a-z2-7]{12})_[\w-]{43}(?:_[0-9a-f]{8})?$/
const CHECKED = /^(sk_.*)_([0-9a-f]{8})$/
/** Of a key without checksum: the secret alone could end in what looks like one. */
const UNCHECKED = /^sk_[a-z]+_[a-z2-7]{12}_[\w-]{43}$/
const ID_DIGITS = 'abcdefghijklmnopqrstuvwxyz234567'
/** Stands in for the record of an unknown id, so that both ways take the same time. */
const NO_DIGEST = randomBytes(32)

export interface NewKey {
  id: string
  key: string
  digest: Buffer
}

export function makeKey(): NewKey {
  const id = [...randomBytes(12)].map((octet) => ID_DIGITS[octet % 32]).join('')
  const body = `sk_live_${id}_${randomBytes(32).toString('base64url')}`
  const key = `${body}_${checksum(body)}`
  return { id, key, digest: digestOf(key) }
}

function checksum(text: string): string {
  const bytes = Buffer.from(text)
  return crc32c(bytes, 0, bytes.length).toString(16).padStart(8, '0')
}

export function digestOf(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

/** Id within a key; '' when it has not the shape of one. */
export function keyId(key: string): string {
  return SHAPE.exec(key)?.[1] ?? ''
}

/** It looks like a key of ours, and its checksum does not fit: a character was lost or changed. */
export function isMistyped(key: string): boolean {
  if (!key.startsWith('sk_live_') || UNCHECKED.test(key)) return false
  const [, body, written] = CHECKED.exec(key) ?? []
  return body === undefined || checksum(body) !== written
}

/** What may be shown of a key after its first showing. */
export function keyPrefix(id: string): string {
  return `sk_live_${id}_`
}

export function sameDigest(known: Uint8Array | undefined, asked: Buffer): boolean {
  return timingSafeEqual(known ?? NO_DIGEST, asked) && known !== undefined
}
