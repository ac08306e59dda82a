/**
 * Verifies a data directory in a process of its own: where a page of a store's file is damaged or cut off, LMDB reads memory that is
 * not there and the process ends by a signal; the command still says what that means. Command line only.
 */
import { fork } from 'node:child_process'
import { EngineError, type ErrorCode } from '../engine/contract/errors.js'
import { readFormat } from '../engine/store/data-format.js'
import type { Verified } from '../engine/verify/verify-directory.js'
import { VERIFY_READER_FILE } from '../programs.js'

/** What the process says: octets of the records and those read, now and then; at last one of the others. */
export interface ReaderSays {
  progress?: [bytes: number, bytesDone: number]
  verified?: Verified
  /** `code` null: of LMDB, not an EngineError. */
  error?: { code: ErrorCode | null; text: string }
}

/** @throws EngineError as verifyDirectory. */
export async function verifyApart(
  dataDir: string,
  progress: (bytes: number, bytesDone: number) => void,
): Promise<Verified> {
  const child = fork(VERIFY_READER_FILE, [dataDir], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  let last: ReaderSays = {}
  child.on('message', (said: ReaderSays) => {
    if (said.progress === undefined) last = said
    else progress(...said.progress)
  })
  const ended = await new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
  if (last.verified !== undefined) return last.verified
  if (last.error === undefined) return unreadable(dataDir, ended)
  const { code, text } = last.error
  if (code === null) return unreadable(dataDir, text)
  throw new EngineError(code, text)
}

function unreadable(dataDir: string, ended: string): Verified {
  const problem = `cannot be read on (${ended}): a page of a data.mdb in it is damaged, or the file is cut off`
  return {
    ok: false,
    format: readFormat(dataDir),
    records: 0,
    tables: {},
    problems: 1,
    findings: [{ where: 'store', key: 'all', problem, concerns: [] }],
  }
}
