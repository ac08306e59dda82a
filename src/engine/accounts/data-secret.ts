/**
 * The secret of a data directory: dataDir/secret.key, 32 random octets made at the first start, mode 0600. What is derived
 * from it (HKDF, RFC 5869) is stored nowhere, so a copy of the store alone proves and reveals nothing. Main thread.
 */
import { hkdfSync, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { writeDurably } from '../base/durable-file.js'
import { EngineError } from '../contract/errors.js'

const SECRET_BYTES = 32

export class DataSecret {
  readonly #secret: Buffer

  /** @throws EngineError CONFIG_INVALID: the file is there and is not what was once written. */
  constructor(dataDir: string) {
    this.#secret = readOrMake(path.join(dataDir, 'secret.key'))
  }

  /** `purpose` separates what must not have the same key; `salt` tells keys of one purpose apart. */
  derive(purpose: string, salt = '', bytes = 32): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#secret, salt, `trunkline ${purpose}`, bytes))
  }
}

function readOrMake(file: string): Buffer {
  let kept = ''
  try {
    kept = readFileSync(file, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  // An empty file: the process was killed while it made the first one.
  if (kept === '') return make(file)
  const secret = Buffer.from(kept, 'base64url')
  if (secret.length === SECRET_BYTES) return secret
  throw new EngineError(
    'CONFIG_INVALID',
    `${file} does not hold 32 octets in base64url; put the file of a backup there`,
  )
}

function make(file: string): Buffer {
  const secret = randomBytes(SECRET_BYTES)
  writeDurably(file, `${secret.toString('base64url')}\n`)
  return secret
}
