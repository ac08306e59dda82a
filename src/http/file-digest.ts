/** SHA-256 of files in requests: what an Idempotency-Key stands for beside the settings. */
import { createHash, type Hash } from 'node:crypto'
import { plainBytes } from '../engine/base/plain-bytes.js'
import { EngineError } from '../engine/contract/errors.js'

/** The file as it is, of which `hash` has seen all that was taken. */
export async function* hashing(file: AsyncIterable<Buffer>, hash: Hash): AsyncIterable<Buffer> {
  for await (const chunk of file) {
    hash.update(chunk)
    yield chunk
  }
}

/** Reads the file to its end: of what was unpacked, in hex. */
export async function digestOf(file: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of plainBytes(file)) hash.update(chunk)
  return hash.digest('hex')
}

export function otherFile(): EngineError {
  return new EngineError('IDEMPOTENCY_MISMATCH', 'This Idempotency-Key came with another file before.')
}
