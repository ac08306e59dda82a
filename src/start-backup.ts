/** Has backups made by a thread of their own. Composition, main thread. */
import { Worker } from 'node:worker_threads'
import type { BackupTask } from './engine/backup/make-backup.js'
import type { BackupDone, BackupWork } from './engine/contract/backups.js'
import { EngineError, type ErrorCode } from './engine/contract/errors.js'
import { productVersion } from './product-version.js'

export type FromBackup =
  | { type: 'progress'; bytes: number; bytesDone: number }
  | { type: 'done'; done: BackupDone }
  | { type: 'failed'; code: ErrorCode | null; message: string }

export function backupWork(dataDir: string): BackupWork {
  return {
    run: (folder, { progress, signal }) => {
      const workerData: BackupTask = { dataDir, folder, version: productVersion() }
      const worker = new Worker(new URL('./backup.thread.js', import.meta.url), { workerData, name: 'backup' })
      signal.addEventListener('abort', () => worker.postMessage('end'))
      return new Promise((resolve, reject) => {
        let outcome = (): void => reject(new Error('the thread of the backup ended'))
        worker.on('message', (message: FromBackup) => {
          if (message.type === 'progress') progress(message.bytes, message.bytesDone)
          else if (message.type === 'done') outcome = () => resolve(message.done)
          else outcome = () => reject(failureOf(message))
        })
        worker.on('error', (error) => {
          outcome = () => reject(error)
        })
        // Only then the thread holds nothing of the store any more.
        worker.on('exit', () => outcome())
      })
    },
  }
}

function failureOf({ code, message }: { code: ErrorCode | null; message: string }): Error {
  return code === null ? new Error(message) : new EngineError(code, message)
}
