/**
 * Answers a CSV of any length with backpressure: the engine is asked for the next piece when the socket has room.
 *
 * The first piece is fetched before the head is sent, so that an unknown job is a 404 and not a broken download.
 */
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'

type Piece = string | Buffer

export async function sendCsv(
  reply: FastifyReply,
  pieces: AsyncIterable<Piece>,
  { file, type }: { file: string; type: string },
): Promise<FastifyReply> {
  const iterator = pieces[Symbol.asyncIterator]()
  const first = await iterator.next()
  const stream = Readable.from(rest(iterator, first), { objectMode: false, highWaterMark: 64 * 1024 })
  return reply.header('content-type', type).header('content-disposition', `attachment; filename="${file}"`).send(stream)
}

async function* rest(iterator: AsyncIterator<Piece>, first: IteratorResult<Piece>): AsyncGenerator<Buffer> {
  try {
    for (let piece = first; !piece.done; piece = await iterator.next()) {
      if (piece.value.length > 0) yield Buffer.from(piece.value as string)
    }
  } finally {
    // The client may have gone: the engine's own cleanup runs on return.
    await iterator.return?.()
  }
}
