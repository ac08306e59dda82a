/** UTF-16 has two octets to a unit: a file of an odd number was cut off. Known when all of it is there. */
import { EngineError } from '../contract/errors.js'
import type { Dialect } from '../contract/ingest.js'

/** `bytes`: of the whole file. @throws EngineError FILE_NOT_CSV. */
export function refuseOddLength(encoding: Dialect['encoding'], bytes: number): void {
  if (!encoding.startsWith('utf16') || bytes % 2 === 0) return
  throw new EngineError('FILE_NOT_CSV', 'The file is UTF-16 with an odd number of bytes; it was cut off on its way.')
}
