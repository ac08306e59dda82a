/** GET /v1/carriers/:id/trace: decoded PDUs, or SIP messages, of a live carrier for as long as the client stays. */
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { EngineApi } from '../../engine/contract/api.js'
import type { TraceBatch, TraceFilter } from '../../engine/contract/trace.js'
import { datagramRecord, PcapWriter, pcapHeader } from '../../engine/observe/pcap.js'
import type { App } from '../app.js'
import { answers, bearer, IdParams } from '../schemas/common.js'
import { TraceQuery } from '../schemas/trace.js'

const NDJSON = 'application/x-ndjson'
const PCAP = 'application/vnd.tcpdump.pcap'
/** The ports by which dissectors know SMPP and SIP. */
const SMPP_PORT = 2775
const SIP_PORT = 5060
/** Connections of a bind that a capture tells apart. */
const CONNECTIONS = 100

const stream = {
  description:
    'A stream without end: a line a PDU, or SIP message, with at, bind (or gateway), connection, direction and pdu; or a capture file.',
  content: {
    [NDJSON]: { schema: Type.String() },
    [PCAP]: { schema: Type.String({ format: 'binary' }) },
  },
}

export function carrierTraceRoutes(app: App, engine: EngineApi): void {
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())

  app.get(
    '/v1/carriers/:id/trace',
    {
      config: { auth: 'admin', download: true } as const,
      exposeHeadRoute: false,
      schema: {
        tags: ['carriers'],
        security: bearer,
        summary: 'PDUs or SIP messages of a carrier as they pass, decoded; text is masked unless asked for',
        params: IdParams,
        querystring: TraceQuery,
        response: answers({ 200: stream }),
      },
    },
    async (request, reply) => {
      const { bind, number, text, format } = request.query
      const octets = format === 'pcap'
      const filter: TraceFilter = {
        bind: bind ?? null,
        number: number?.replace('+', '') ?? null,
        text: text ?? false,
        octets,
      }
      const left = new AbortController()
      request.raw.socket.once('close', () => left.abort())
      const signal = AbortSignal.any([left.signal, closing.signal])
      const batches = await engine.trace(request.params.id, filter, signal)
      const pieces = octets ? capture(batches) : lines(request.params.id, batches)
      return reply
        .header('content-type', octets ? PCAP : NDJSON)
        .header('cache-control', 'no-store')
        .send(Readable.from(pieces, { objectMode: false, highWaterMark: 64 * 1024 }))
    },
  )
}

/** The first line comes at once, so that a client sees that it is watching. */
async function* lines(carrier: string, batches: AsyncIterable<TraceBatch>): AsyncGenerator<Buffer> {
  yield Buffer.from(`${JSON.stringify({ carrier, watching: true })}\n`)
  for await (const { pdus, dropped } of batches) {
    let text = ''
    for (const { at, bind, connection, direction, pdu } of pdus) {
      text += `${JSON.stringify({ at: new Date(at).toISOString(), bind, connection, direction, pdu })}\n`
    }
    if (dropped > 0) text += `${JSON.stringify({ dropped })}\n`
    yield Buffer.from(text)
  }
}

async function* capture(batches: AsyncIterable<TraceBatch>): AsyncGenerator<Buffer> {
  yield pcapHeader()
  const writer = new PcapWriter(SMPP_PORT)
  for await (const { pdus } of batches) {
    for (const { at, protocol, bind, connection, direction, octets } of pdus) {
      if (octets === null) continue
      if (protocol === 'sip') yield datagramRecord({ at, connection: bind, direction, octets }, SIP_PORT)
      else yield writer.record({ at, connection: bind * CONNECTIONS + (connection % CONNECTIONS), direction, octets })
    }
  }
}
