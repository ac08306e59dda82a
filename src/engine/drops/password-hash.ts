/**
 * Passwords of drop credentials: scrypt (RFC 7914), 32 MiB and three rounds, as OWASP has it, beside the main thread in
 * libuv's pool and two at a time. Who logged in before is told by a keyed hash that lives in memory only, so that a client
 * with ten connections does not wait for ten of them.
 */
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

const LOG_N = 15
const BLOCK = 8
const ROUNDS = 3
const BYTES = 32
const SALT_BYTES = 16
const MEMORY_MAX = 64 << 20
/** The pool has four threads, and the store needs them too. */
const AT_ONCE = 2

export class PasswordHash {
  /** Keyed hashes of passwords that were right, by stored hash. */
  readonly #known = new Map<string, Buffer>()
  readonly #key = randomBytes(BYTES)
  /** What an unknown user's password is compared with: the same work, and never right. */
  readonly #nobody = format(randomBytes(SALT_BYTES), randomBytes(BYTES))
  readonly #waiting: (() => void)[] = []
  #running = 0

  /** What is stored of a password. */
  async make(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES)
    return format(salt, await this.#derive(password, salt))
  }

  /** The same time whether the user is unknown (null) or the password wrong. */
  async check(stored: string | null, password: string): Promise<boolean> {
    const digest = createHmac('sha256', this.#key).update(password).digest()
    const known = stored === null ? undefined : this.#known.get(stored)
    if (known !== undefined && timingSafeEqual(known, digest)) return true
    const [salt, hash] = parse(stored ?? this.#nobody)
    const isRight = timingSafeEqual(await this.#derive(password, salt), hash) && stored !== null
    if (isRight) this.#known.set(stored, digest)
    return isRight
  }

  /** The credential is gone. */
  forget(stored: string): void {
    this.#known.delete(stored)
  }

  async #derive(password: string, salt: Buffer): Promise<Buffer> {
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running++
    try {
      return await derive(password, salt)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}

async function derive(password: string, salt: Buffer): Promise<Buffer> {
  const terms = { N: 2 ** LOG_N, r: BLOCK, p: ROUNDS, maxmem: MEMORY_MAX }
  return await new Promise((resolve, reject) => {
    // The same characters however they were typed.
    scrypt(password.normalize('NFC'), salt, BYTES, terms, (error, hash) => (error ? reject(error) : resolve(hash)))
  })
}

function format(salt: Buffer, hash: Buffer): string {
  return ['scrypt', LOG_N, BLOCK, ROUNDS, salt.toString('base64url'), hash.toString('base64url')].join('$')
}

function parse(stored: string): [salt: Buffer, hash: Buffer] {
  const [, , , , salt = '', hash = ''] = stored.split('$')
  return [Buffer.from(salt, 'base64url'), Buffer.from(hash, 'base64url')]
}
