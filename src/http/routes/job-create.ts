/**
 * POST /v1/jobs in its three forms: JSON, with the rows or without; multipart, settings and file in one call; and CSV
 * alone with a saved profile. Files pass through as streams.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EngineApi, JobView, Principal } from '../../engine/contract/api.js'
import { EngineError } from '../../engine/contract/errors.js'
import type { JobSettings } from '../../engine/contract/job.js'
import { limits } from '../../engine/contract/limits.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { bytesOf, uploadIdleMs } from '../body-stream.js'
import { digestOf, otherFile } from '../file-digest.js'
import { readForm, takeForms } from '../form-parts.js'
import { once } from '../idempotency.js'
import { answers, bearer, idempotencyHeader } from '../schemas/common.js'
import { JobCreateSchema, JobSchema, JobSettingsSchema, ProfileQuery } from '../schemas/jobs.js'
import { compileCheck } from '../validation.js'

/** Ten thousand inline recipients with their fields. */
const bodyBytes = 16 << 20

const checkSettings = compileCheck(JobSettingsSchema)

type Recipient = string | Record<string, unknown>
type CreateBody = JobSettings & { recipients?: Recipient[] }

const schema = {
  tags: ['jobs'],
  security: bearer,
  summary: 'Make a job',
  description:
    'JSON: settings, with `recipients` inline or with a CSV to follow by PUT …/recipients. Multipart: part `job` ' +
    '(JSON settings), then part `file` (CSV). CSV: with `?profile=NAME`.',
  headers: idempotencyHeader,
  querystring: ProfileQuery,
  body: {
    content: {
      'application/json': { schema: JobCreateSchema },
      'multipart/form-data': {
        schema: {
          type: 'object',
          required: ['job', 'file'],
          properties: { job: JobSettingsSchema, file: { type: 'string', contentMediaType: 'text/csv' } },
        },
      },
      'text/csv': { schema: { type: 'string' } },
    },
  },
  response: answers({ 202: JobSchema }),
}

/** In a scope of its own: only here are multipart and CSV bodies understood. */
export async function jobCreateRoute(app: App, engine: EngineApi): Promise<void> {
  await takeForms(app, limits.uploadBytes)
  app.addContentTypeParser('text/csv', (_request, _payload, done) => done(null, undefined))
  app.post(
    '/v1/jobs',
    { config: { auth: 'account', scope: 'send', streams: true, gzip: true }, bodyLimit: bodyBytes, schema },
    async (request, reply) => {
      const job = await create(engine, request, reply)
      return reply.code(202).header('location', `/v1/jobs/${job.id}`).send(job)
    },
  )
}

function create(engine: EngineApi, request: FastifyRequest, reply: FastifyReply): Promise<JobView> {
  if (request.isMultipart()) return createFromForm(engine, request, reply)
  if (request.mediaType === 'text/csv') return createFromCsv(engine, request, reply)
  if (typeof request.body !== 'object' || request.body === null) throw noBody()
  const { recipients, ...settings } = request.body as CreateBody
  return once(engine, request, reply, {
    body: request.body,
    work: () => engine.createJob(principalOf(request), settings, recipients ?? null),
  })
}

function noBody(): EngineError {
  return new EngineError('BAD_REQUEST', 'there is no body; send the settings as application/json')
}

/** The body is the file, the settings are saved. @throws EngineError NOT_FOUND: no such profile. */
function createFromCsv(engine: EngineApi, request: FastifyRequest, reply: FastifyReply): Promise<JobView> {
  const { profile } = request.query as { profile?: string }
  if (profile === undefined) {
    throw new EngineError('BAD_REQUEST', 'a CSV body needs ?profile=NAME; or send multipart with parts job and file')
  }
  engine.profiles.get(principalOf(request), profile)
  request.raw.setTimeout(uploadIdleMs)
  return createWithFile(engine, request, reply, { settings: { profile }, file: bytesOf(request.raw) })
}

async function createFromForm(engine: EngineApi, request: FastifyRequest, reply: FastifyReply): Promise<JobView> {
  request.raw.setTimeout(uploadIdleMs)
  const { settings, file } = await readForm<JobSettings>(request, { part: 'job', check: checkSettings })
  return createWithFile(engine, request, reply, { settings, file })
}

interface WithFile {
  settings: JobSettings
  file: AsyncGenerator<Buffer>
}

/** Settings and file in one call: both are what an Idempotency-Key stands for. */
async function createWithFile(
  engine: EngineApi,
  request: FastifyRequest,
  reply: FastifyReply,
  { settings, file }: WithFile,
): Promise<JobView> {
  const principal = principalOf(request)
  const work = async () => {
    const { id } = await engine.createJob(principal, settings, null)
    try {
      return await engine.upload(principal, id, file)
    } catch (error) {
      await giveUp(engine, principal, id)
      throw error
    }
  }
  const made = await once(engine, request, reply, { body: settings, work })
  // A replay of a job whose file was lost with a crash: here it comes again.
  const job = made.state === 'receiving' ? await engine.upload(principal, made.id, file) : made
  // Any other replay has not touched the file: it is read to its end, since clients send all before they listen.
  if (job === made && reply.hasHeader('idempotent-replay')) await requireSameFile(made, file, reply)
  return job
}

/** @throws EngineError IDEMPOTENCY_MISMATCH. */
async function requireSameFile(made: JobView, file: AsyncIterable<Buffer>, reply: FastifyReply): Promise<void> {
  const sha256 = await digestOf(file)
  if ((made.file?.sha256 ?? sha256) === sha256) return
  reply.removeHeader('idempotent-replay')
  throw otherFile()
}

/** Nobody was told the id of a job whose only request broke off: it would wait for its file for ever. */
async function giveUp(engine: EngineApi, principal: Principal, id: string): Promise<void> {
  if (engine.job(principal, id).state === 'receiving') await engine.cancelJob(principal, id)
}
