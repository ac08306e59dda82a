/**
 * The plain bytes of an upload: what is gzip-compressed (RFC 1952, known by its first two octets) is unpacked as it streams,
 * within a ratio, so that a bomb costs neither memory nor disk; everything else passes as it is. Main thread.
 */
import { once } from 'node:events'
import { createGunzip, type Gunzip } from 'node:zlib'
import { EngineError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'

const GZIP = Buffer.from([0x1f, 0x8b])
const PIECE_BYTES = 64 * 1024

export function isGzip(head: Uint8Array): boolean {
  return GZIP.equals(head.subarray(0, GZIP.length))
}

/** @throws EngineError TOO_LARGE, FILE_NOT_CSV, and what the body throws. */
export async function* plainBytes(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const chunks = body[Symbol.asyncIterator]()
  let isEnded = false
  try {
    const head = await firstBytes(chunks)
    isEnded = head.isEnded
    if (!isGzip(head.bytes)) {
      if (head.bytes.length > 0) yield head.bytes
      if (!isEnded) yield* rest(chunks)
    } else yield* unpacked(head, chunks)
    isEnded = true
  } finally {
    // Not waited for: the end of a silent body may be long in coming.
    if (!isEnded) void chunks.return?.().catch(() => {})
  }
}

interface Head {
  bytes: Buffer
  isEnded: boolean
}

/** At least as many octets as tell a gzip file, or all there are. */
async function firstBytes(chunks: AsyncIterator<Buffer>): Promise<Head> {
  let bytes: Buffer = Buffer.alloc(0)
  while (bytes.length < GZIP.length) {
    const { value, done } = await chunks.next()
    if (done) return { bytes, isEnded: true }
    bytes = bytes.length === 0 ? value : Buffer.concat([bytes, value])
  }
  return { bytes, isEnded: false }
}

async function* rest(chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  for (;;) {
    const { value, done } = await chunks.next()
    if (done) return
    yield value
  }
}

async function* unpacked(head: Head, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES })
  const packed = { bytes: 0 }
  const feeding = feed(gunzip, head, chunks, packed).catch((error) => gunzip.destroy(error))
  let plain = 0
  try {
    for await (const piece of gunzip) {
      plain += (piece as Buffer).length
      if (plain > limits.gzipFreeBytes + packed.bytes * limits.gzipRatio) throw tooPacked()
      yield piece as Buffer
    }
  } catch (error) {
    throw isZlibError(error) ? damaged(error) : error
  } finally {
    gunzip.destroy()
  }
  await feeding
}

async function feed(gunzip: Gunzip, head: Head, chunks: AsyncIterator<Buffer>, packed: { bytes: number }) {
  const write = async (chunk: Buffer): Promise<void> => {
    packed.bytes += chunk.length
    if (!gunzip.write(chunk) && !gunzip.destroyed) await once(gunzip, 'drain')
  }
  await write(head.bytes)
  if (!head.isEnded) for await (const chunk of rest(chunks)) await write(chunk)
  gunzip.end()
}

function tooPacked(): EngineError {
  return new EngineError(
    'TOO_LARGE',
    `The gzip file unpacks to more than ${limits.gzipRatio} times its size, which no list of recipients does.`,
  )
}

function isZlibError(error: unknown): boolean {
  return ((error as { code?: string }).code ?? '').startsWith('Z_')
}

function damaged(cause: unknown): EngineError {
  return new EngineError('FILE_NOT_CSV', 'The gzip file is damaged or was cut off; pack it again and send it whole.', {
    cause,
  })
}
