/** PUT /v1/jobs/:id/recipients: a CSV of any size, streamed to the engine and never buffered. */
import type { EngineApi } from '../../engine/contract/api.js'
import { EngineError } from '../../engine/contract/errors.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { bytesOf, uploadIdleMs } from '../body-stream.js'
import { CSV_TYPES } from '../csv-types.js'
import { answers, bearer, IdParams } from '../schemas/common.js'
import { JobSchema } from '../schemas/jobs.js'

const schema = {
  tags: ['jobs'],
  security: bearer,
  summary: 'Upload the recipients',
  description:
    'Answers once the last byte is durable. An upload that broke off is sent again from the start. A file may be ' +
    'gzip-compressed; it is unpacked as it arrives.',
  params: IdParams,
  body: { content: { 'text/csv': { schema: { type: 'string' } } } },
  response: answers({ 202: JobSchema }),
}

const config = { auth: 'account', scope: 'send', streams: true, gzip: true } as const

/** In a scope of its own: every body passes as a stream. */
export function jobUploadRoute(app: App, engine: EngineApi): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined))
  app.put('/v1/jobs/:id/recipients', { config, schema }, async (request, reply) => {
    const mediaType = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
    if (!CSV_TYPES.has(mediaType)) {
      throw new EngineError('UNSUPPORTED_MEDIA', `${mediaType} is not taken here; send the file as text/csv`)
    }
    request.raw.setTimeout(uploadIdleMs)
    const { id } = request.params as { id: string }
    return reply.code(202).send(await engine.upload(principalOf(request), id, bytesOf(request.raw)))
  })
}
