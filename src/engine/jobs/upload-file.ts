/**
 * A file on its way to disk: written as it arrives, hashed on the way, durable (file and folder) when `receive` resolves.
 * Main thread.
 */

import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import path from 'node:path'
import { crashPoint } from '../base/crash-point.js'
import { EngineError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'

export interface Received {
  bytes: number
  sha256: string
}

export function uploadPath(dataDir: string, jobId: string): string {
  return path.join(dataDir, 'uploads', `${jobId}.csv`)
}

export interface ReceiveOptions {
  file: string
  /** Called with the bytes on disk so far; the body is not read on until it resolves. What it throws ends the upload. */
  onWritten(bytes: number): Promise<void>
  /** Ends the upload with its reason, also while the body is silent. */
  aborted: AbortSignal
}

/** @throws EngineError TOO_LARGE, STORE_FULL, INTERNAL: it could not be written; what `onWritten` throws, and what the body throws when it breaks off. */
export async function receive(body: AsyncIterable<Buffer>, options: ReceiveOptions): Promise<Received> {
  const handle = await onDisk(open(options.file, 'w', 0o600))
  try {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of abortable(body, options.aborted)) {
      bytes += chunk.length
      if (bytes > limits.uploadBytes)
        throw new EngineError('TOO_LARGE', `A file has at most ${limits.uploadBytes} bytes.`)
      hash.update(chunk)
      await onDisk(writeAll(handle, chunk))
      crashPoint('upload-written')
      await options.onWritten(bytes)
    }
    await onDisk(handle.sync())
    await onDisk(syncFolder(path.dirname(options.file)))
    crashPoint('upload-synced')
    return { bytes, sha256: hash.digest('hex') }
  } finally {
    await handle.close()
  }
}

const FULL = ['ENOSPC', 'EDQUOT']

/** The fault is ours and not the sender's; the file is not counted as there. @throws EngineError STORE_FULL, INTERNAL. */
async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    const isFull = FULL.includes((cause as NodeJS.ErrnoException).code ?? '')
    if (isFull) throw new EngineError('STORE_FULL', 'The disk is full.', { cause })
    throw new EngineError('INTERNAL', 'The file could not be written; the log says why.', { cause })
  }
}

/** What `receive` would answer, with nothing stored. */
export async function digest(body: AsyncIterable<Buffer>): Promise<Received> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    hash.update(chunk)
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** The body until the signal: a chunk that is waited for is given up. */
async function* abortable(body: AsyncIterable<Buffer>, signal: AbortSignal): AsyncIterable<Buffer> {
  const iterator = body[Symbol.asyncIterator]()
  let isDone = false
  try {
    for (;;) {
      const next = await nextOrAbort(iterator, signal)
      isDone = next.done === true
      if (isDone) return
      yield next.value
    }
  } finally {
    // Not waited for: the end of a silent body may be long in coming.
    if (!isDone) void iterator.return?.().catch(() => {})
  }
}

function nextOrAbort(iterator: AsyncIterator<Buffer>, signal: AbortSignal): Promise<IteratorResult<Buffer>> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    if (signal.aborted) {
      onAbort()
      return
    }
    signal.addEventListener('abort', onAbort)
    iterator
      .next()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
  })
}

async function writeAll(handle: FileHandle, chunk: Buffer): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at, chunk.length - at)).bytesWritten
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export async function makeUploadFolder(dataDir: string): Promise<void> {
  await mkdir(path.join(dataDir, 'uploads'), { recursive: true, mode: 0o700 })
}

export async function removeUpload(file: string): Promise<void> {
  await rm(file, { force: true })
}
