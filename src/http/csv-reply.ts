/**
 * Answers a CSV of any length with backpressure: the engine is asked for the next piece when the socket has room.
 *
 * The first piece is fetched before the head is sent, so that an unknown job is a 404 and not a broken download. What fails
 * later breaks the answer off, and is said in the log and counted: the client has nothing but the missing end. Main thread.
 */
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'

type Piece = string | Buffer
type BrokenOff = (reply: FastifyReply, error: unknown) => void

declare module 'fastify' {
  interface FastifyInstance {
    /** Told of each answer that was begun and could not be finished because of us. */
    brokenOff: BrokenOff
  }
}

export async function sendCsv(
  reply: FastifyReply,
  pieces: AsyncIterable<Piece>,
  { file, type }: { file: string; type: string },
): Promise<FastifyReply> {
  const iterator = pieces[Symbol.asyncIterator]()
  const first = await iterator.next()
  const stream = Readable.from(rest(reply, iterator, first), { objectMode: false, highWaterMark: 64 * 1024 })
  return reply.header('content-type', type).header('content-disposition', `attachment; filename="${file}"`).send(stream)
}

async function* rest(
  reply: FastifyReply,
  iterator: AsyncIterator<Piece>,
  first: IteratorResult<Piece>,
): AsyncGenerator<Buffer> {
  try {
    for (let piece = first; !piece.done; piece = await iterator.next()) {
      if (piece.value.length > 0) yield Buffer.from(piece.value as string)
    }
  } catch (error) {
    reply.server.brokenOff(reply, error)
    throw error
  } finally {
    // The client may have gone: the engine's own cleanup runs on return.
    await iterator.return?.()
  }
}
