/** Blots a number or an address out of a file where it lies, durable when it resolves. Main thread. */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { findSubject, lineAround, maskSpan, type Span } from './mask-text.js'
import type { Subject } from './subject.js'

const WINDOW_BYTES = 1 << 20
/** No record is longer: what stands at the end of a window stands whole in the next. */
const OVERLAP_BYTES = 128 << 10

export interface MaskOptions {
  subject: Subject
  /** Records that are known to be about it, of this file: they are masked whole. */
  records?: readonly Span[]
  delimiter?: string
}

/** How many lines and records were masked. A file that is gone has none; links are not followed. */
export async function maskFile(file: string, options: MaskOptions): Promise<number> {
  const handle = await open(file, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => null)
  if (handle === null) return 0
  try {
    if (!(await handle.stat()).isFile()) return 0
    const count = (await maskRecords(handle, options)) + (await maskLines(handle, options))
    if (count > 0) await handle.sync()
    return count
  } finally {
    await handle.close()
  }
}

async function maskRecords(handle: FileHandle, { records = [], delimiter = '' }: MaskOptions): Promise<number> {
  let masked = 0
  for (const { start, end } of records) {
    const bytes = Buffer.alloc(end - start)
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, start)
    if (!maskSpan(bytes, { start: 0, end: bytesRead }, delimiter)) continue
    await writeAll(handle, bytes.subarray(0, bytesRead), start)
    masked++
  }
  return masked
}

/** Every line in which it is found, window by window. */
async function maskLines(handle: FileHandle, { subject, delimiter = '' }: MaskOptions): Promise<number> {
  const window = Buffer.alloc(WINDOW_BYTES)
  let masked = 0
  for (let at = 0; ; at += WINDOW_BYTES - OVERLAP_BYTES) {
    const { bytesRead } = await handle.read(window, 0, WINDOW_BYTES, at)
    const bytes = window.subarray(0, bytesRead)
    for (const span of findSubject(bytes, subject)) {
      const line = lineAround(bytes, span)
      if (!maskSpan(bytes, line, delimiter)) continue
      await writeAll(handle, bytes.subarray(line.start, line.end), at + line.start)
      masked++
    }
    if (bytesRead < WINDOW_BYTES) return masked
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten
  }
}
