/**
 * Request bodies of any length, handed to the engine as they arrive and never buffered.
 *
 * The socket outlives an engine that stops reading: the refusal must still reach the client, so the stream is not
 * destroyed; the rest is read and dropped for a moment, then the connection is closed.
 */
import type { Readable } from 'node:stream'
import { EngineError } from '../engine/contract/errors.js'
import { limits } from '../engine/contract/limits.js'

/** Longest silence of an uploading client; also covers the wait for a disk that is slow. */
export const uploadIdleMs = 600_000

/**
 * The bytes of `stream`, at most as many as an upload may have. A client that goes away or sends a broken form is its
 * own doing: BAD_REQUEST.
 */
export async function* bytesOf(stream: Readable, bytesMax: number = limits.uploadBytes): AsyncGenerator<Buffer> {
  let bytes = 0
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Buffer).length
      if (bytes > bytesMax) throw new EngineError('TOO_LARGE', `the file is larger than ${bytesMax} bytes`)
      yield chunk as Buffer
    }
  } catch (cause) {
    if (cause instanceof EngineError) throw cause
    throw new EngineError('BAD_REQUEST', `the upload broke off after ${bytes} bytes; send it again`, { cause })
  }
}
