/**
 * Answers that hold a secret (a new API key) are kept encrypted for their replay: AES-256-GCM (NIST SP 800-38D) under a key
 * that is derived, for each Idempotency-Key, from the secret of the data directory. So the store holds no key in the clear,
 * and the same request within 72 hours still gets the same one. Main thread.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { EngineError } from '../contract/errors.js'
import type { DataSecret } from './data-secret.js'

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** What an answer belongs to. */
export interface SealedFor {
  account: string
  key: string
  fingerprint: string
}

export class AnswerSeal {
  readonly #secret: DataSecret

  constructor(secret: DataSecret) {
    this.#secret = secret
  }

  seal(request: SealedFor, text: string): string {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(ALGORITHM, this.#keyFor(request), nonce)
    cipher.setAAD(Buffer.from(request.fingerprint))
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64')
  }

  /** @throws EngineError STORE_CORRUPT: it was changed, or secret.key is another one. */
  open(request: SealedFor, sealed: string): string {
    const bytes = Buffer.from(sealed, 'base64')
    const body = bytes.subarray(NONCE_BYTES + TAG_BYTES)
    try {
      const decipher = createDecipheriv(ALGORITHM, this.#keyFor(request), bytes.subarray(0, NONCE_BYTES))
      decipher.setAAD(Buffer.from(request.fingerprint))
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
      return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8')
    } catch (cause) {
      throw new EngineError('STORE_CORRUPT', 'The answer kept for this Idempotency-Key cannot be read.', { cause })
    }
  }

  #keyFor({ account, key }: SealedFor): Buffer {
    return this.#secret.derive('kept answer', `${account} ${key}`)
  }
}
