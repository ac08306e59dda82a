/** The thread that makes one backup of a running engine, so that neither requests nor sending wait for it. Worker thread. */
import assert from 'node:assert'
import { parentPort, workerData } from 'node:worker_threads'
import { type BackupTask, makeBackup } from './engine/backup/make-backup.js'
import { doneOf } from './engine/backup/manifest.js'
import { systemClock } from './engine/contract/clock.js'
import { EngineError } from './engine/contract/errors.js'
import type { FromBackup } from './start-backup.js'

assert(parentPort !== null, 'runs as a worker thread')
const main = parentPort
const PROGRESS_MS = 200
const ending = new AbortController()
main.on('message', () => ending.abort(new Error('ended')))

function post(message: FromBackup): void {
  main.postMessage(message)
}

let toldMs = Number.NEGATIVE_INFINITY

function progress(bytes: number, bytesDone: number): void {
  const nowMs = systemClock.monotonic()
  if (nowMs - toldMs < PROGRESS_MS) return
  toldMs = nowMs
  post({ type: 'progress', bytes, bytesDone })
}

try {
  const manifest = await makeBackup(workerData as BackupTask, { clock: systemClock, progress, signal: ending.signal })
  post({ type: 'done', done: doneOf(manifest) })
} catch (error) {
  const code = error instanceof EngineError ? error.code : null
  const { message, code: errno } = error as NodeJS.ErrnoException
  post({ type: 'failed', code, message: code !== null || errno === undefined ? message : `${errno}: ${message}` })
}
main.close()
