/**
 * API keys: `sk_<env>_<id>_<32 random bytes in base64url>`. The id finds the record, SHA-256 of the whole key proves it:
 * a fast hash is right for a secret of 256 random bits. Main thread.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

const SHAPE = /^sk_[a-z]+_([a-z2-7]{12})_[\w-]{43}$/
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
  const key = `sk_live_${id}_${randomBytes(32).toString('base64url')}`
  return { id, key, digest: digestOf(key) }
}

export function digestOf(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

/** Id within a key; '' when it has not the shape of one. */
export function keyId(key: string): string {
  return SHAPE.exec(key)?.[1] ?? ''
}

/** What may be shown of a key after its first showing. */
export function keyPrefix(id: string): string {
  return `sk_live_${id}_`
}

export function sameDigest(known: Uint8Array | undefined, asked: Buffer): boolean {
  return timingSafeEqual(known ?? NO_DIGEST, asked) && known !== undefined
}
