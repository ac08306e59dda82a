/** POST /v1/profiles/:name/sample: a profile guessed from a file that is small enough to be looked at whole. */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EngineApi } from '../../engine/contract/api.js'
import { EngineError } from '../../engine/contract/errors.js'
import { limits } from '../../engine/contract/limits.js'
import type { ProfileSettings } from '../../engine/contract/profiles.js'
import type { SampleView } from '../../engine/contract/sample.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { bytesOf } from '../body-stream.js'
import { CSV_TYPES } from '../csv-types.js'
import { readForm, takeForms } from '../form-parts.js'
import { once } from '../idempotency.js'
import { answers, bearer, idempotencyHeader } from '../schemas/common.js'
import { SampleQuery, SampleSchema } from '../schemas/samples.js'
import { NameParams, ProfilePutSchema } from '../schemas/templates.js'
import { compileCheck } from '../validation.js'

interface Query {
  save?: boolean
  text?: string
  template?: string
  defaultCountry?: string
  fileName?: string
}

const checkSettings = compileCheck(ProfilePutSchema)

const schema = {
  tags: ['profiles'],
  security: bearer,
  summary: 'Guess a profile from a sample file',
  description:
    'CSV of at most 4 MiB, or multipart: part `profile` (JSON, settings so far), then part `file`. Nothing is saved ' +
    'without `?save=true`; the proposed `settings` may also be corrected and saved by PUT.',
  params: NameParams,
  headers: idempotencyHeader,
  querystring: SampleQuery,
  body: {
    content: {
      'text/csv': { schema: { type: 'string' } },
      'multipart/form-data': {
        schema: {
          type: 'object',
          required: ['profile', 'file'],
          properties: { profile: ProfilePutSchema, file: { type: 'string', contentMediaType: 'text/csv' } },
        },
      },
    },
  },
  response: answers({ 200: SampleSchema }),
}

const config = { auth: 'account', scope: 'manage', streams: true, gzip: true } as const

/** In a scope of its own: every body but a form passes as a stream. */
export async function profileSampleRoute(app: App, engine: EngineApi): Promise<void> {
  app.removeAllContentTypeParsers()
  await takeForms(app, limits.sniffBytes)
  app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined))
  app.post('/v1/profiles/:name/sample', { config, schema }, async (request, reply) => sample(engine, request, reply))
}

async function sample(engine: EngineApi, request: FastifyRequest, reply: FastifyReply): Promise<SampleView> {
  const { save = false, fileName, ...own } = request.query as Query
  const form = await formOf(request)
  const file = await collected(form.file)
  const settings = { ...form.settings, ...own }
  const wanted = { settings, fileName: fileName ?? form.fileName, save }
  const { name } = request.params as { name: string }
  const sha256 = createHash('sha256').update(file).digest('hex')
  return await once(engine, request, reply, {
    body: { settings, sha256 },
    work: () => engine.samples.sample(principalOf(request), name, wanted, file),
  })
}

async function formOf(
  request: FastifyRequest,
): Promise<{ settings: ProfileSettings; file: AsyncIterable<Buffer>; fileName: string | null }> {
  if (request.isMultipart()) {
    const shape = { part: 'profile', check: checkSettings, bytesMax: limits.sniffBytes }
    return await readForm<ProfileSettings>(request, shape)
  }
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (!CSV_TYPES.has(type)) {
    throw new EngineError('UNSUPPORTED_MEDIA', `${type} is not taken here; send the file as text/csv`)
  }
  return { settings: {}, file: bytesOf(request.raw, limits.sniffBytes), fileName: null }
}

/** At most limits.sniffBytes. */
async function collected(file: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of file) chunks.push(chunk)
  return Buffer.concat(chunks)
}
