/** The process that reads for `trunkline verify`; argument: the data directory. It says what it found, and ends with who asked. */
import { EngineError } from '../engine/contract/errors.js'
import { messageOf } from '../engine/verify/findings.js'
import { verifyDirectory } from '../engine/verify/verify-directory.js'
import type { ReaderSays } from './verify-apart.js'

process.once('disconnect', () => process.exit(1))

function say(what: ReaderSays): void {
  process.send!(what)
}

function sayLast(what: ReaderSays): void {
  process.send!(what, () => process.disconnect())
}

try {
  const progress = (bytes: number, bytesDone: number): void => say({ progress: [bytes, bytesDone] })
  sayLast({ verified: await verifyDirectory(process.argv[2]!, progress) })
} catch (error) {
  if (error instanceof EngineError) sayLast({ error: { code: error.code, text: error.message } })
  else sayLast({ error: { code: null, text: messageOf(error) } })
}
