/** /v1/suppressions: numbers that must not be messaged, one by one, as lists and as files. */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { plainBytes } from '../../engine/base/plain-bytes.js'
import type { EngineApi } from '../../engine/contract/api.js'
import { EngineError } from '../../engine/contract/errors.js'
import type { ImportReport, SuppressionItem } from '../../engine/contract/suppressions.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { bytesOf, uploadIdleMs } from '../body-stream.js'
import { sendCsv } from '../csv-reply.js'
import { digestOf, hashing, otherFile } from '../file-digest.js'
import { once } from '../idempotency.js'
import { plusAgain, timeAgain } from '../query-text.js'
import { answers, bearer, idempotencyHeader, NoContent, pageOf } from '../schemas/common.js'
import {
  ImportReportSchema,
  SenderQuery,
  SuppressionImportQuery,
  SuppressionImportSchema,
  SuppressionListQuery,
  SuppressionPage,
  SuppressionParams,
  SuppressionPutSchema,
  SuppressionSchema,
} from '../schemas/suppressions.js'
import { bodyMayLack } from '../validation.js'

const look = { auth: 'any' } as const
const config = { auth: 'any', scope: 'manage' } as const
const about = { tags: ['suppressions'], security: bearer }
/** Ten thousand numbers with their notes. */
const bodyBytes = 8 << 20

export function suppressionRoutes(app: App, engine: EngineApi): void {
  app.put(
    '/v1/suppressions/:number',
    {
      config,
      preValidation: bodyMayLack,
      schema: {
        ...about,
        summary: 'Suppress a number',
        description: 'In effect for every message that is not sent yet when it is answered.',
        params: SuppressionParams,
        querystring: SenderQuery,
        body: SuppressionPutSchema,
        response: answers({ 200: SuppressionSchema }),
      },
    },
    async (request) => {
      const { sender = senderOf(request.query), note } = request.body
      return engine.suppressions.put(principalOf(request), request.params.number, { sender, note })
    },
  )

  app.get(
    '/v1/suppressions/:number',
    {
      config: look,
      schema: {
        ...about,
        summary: 'Why a number is suppressed',
        params: SuppressionParams,
        querystring: SenderQuery,
        response: answers({ 200: SuppressionSchema }),
      },
    },
    async (request) => engine.suppressions.get(principalOf(request), request.params.number, senderOf(request.query)),
  )

  app.delete(
    '/v1/suppressions/:number',
    {
      config,
      schema: {
        ...about,
        summary: 'Let a number be messaged again',
        params: SuppressionParams,
        querystring: SenderQuery,
        response: answers({ 204: NoContent }),
      },
    },
    async (request, reply) => {
      await engine.suppressions.remove(principalOf(request), request.params.number, senderOf(request.query))
      return reply.code(204).send()
    },
  )
  listRoute(app, engine)
}

function senderOf({ sender }: { sender?: string }): string | undefined {
  return sender === undefined ? undefined : plusAgain(sender)
}

function listRoute(app: App, engine: EngineApi): void {
  app.get(
    '/v1/suppressions',
    {
      config: { ...look, download: true },
      schema: {
        ...about,
        summary: 'List suppressed numbers, or all of them as CSV',
        querystring: SuppressionListQuery,
        response: answers({
          200: {
            description: 'A page, or with `format=csv` a file.',
            content: { 'application/json': { schema: SuppressionPage }, 'text/csv': { schema: { type: 'string' } } },
          },
        }),
      },
    },
    async (request, reply) => {
      const { format, ...query } = pageOf(request.query)
      if (query.since !== undefined) query.since = timeAgain(query.since)
      if (format !== 'csv') return engine.suppressions.list(principalOf(request), query)
      const { source, since } = query
      const pieces = engine.suppressions.export(principalOf(request), { source, since })
      return sendCsv(reply, pieces, { file: 'suppressions.csv', type: 'text/csv; charset=utf-8' })
    },
  )
}

const importSchema = {
  ...about,
  summary: 'Suppress many numbers',
  description:
    'A JSON list of at most 10,000, or a CSV of any size; its column is found by label or content, or named by ' +
    '`column`. A column `sender`, as in our own export, is read too. The same numbers again change nothing.',
  headers: idempotencyHeader,
  querystring: SuppressionImportQuery,
  body: {
    content: { 'application/json': { schema: SuppressionImportSchema }, 'text/csv': { schema: { type: 'string' } } },
  },
  response: answers({ 200: ImportReportSchema }),
}

type ImportBody = (string | SuppressionItem)[] | { numbers: (string | SuppressionItem)[] } | null | undefined

/** In a scope of its own: only here does a CSV pass as a stream beside JSON. */
export function suppressionImportRoute(app: App, engine: EngineApi): void {
  app.addContentTypeParser('text/csv', (_request, _payload, done) => done(null, undefined))
  app.post(
    '/v1/suppressions',
    { config: { ...config, streams: true }, bodyLimit: bodyBytes, schema: importSchema },
    async (request, reply) => {
      const principal = principalOf(request)
      if (request.mediaType === 'text/csv') return importFile(engine, request, reply)
      const body = request.body as ImportBody
      if (body == null) throw new EngineError('BAD_REQUEST', 'there is no body; send a list of numbers, or text/csv')
      const work = () => engine.suppressions.import(principal, Array.isArray(body) ? body : body.numbers)
      return once(engine, request, reply, { body, work })
    },
  )
}

/** The digest of the file is kept with the answer: it is known only once the file was read. */
async function importFile(engine: EngineApi, request: FastifyRequest, reply: FastifyReply): Promise<ImportReport> {
  request.raw.setTimeout(uploadIdleMs)
  const { column } = request.query as { column?: string }
  const hash = createHash('sha256')
  const work = async () => {
    const file = hashing(plainBytes(bytesOf(request.raw)), hash)
    const report = await engine.suppressions.importCsv(principalOf(request), file, column)
    return { report, sha256: hash.digest('hex') }
  }
  const { report, sha256 } = await once(engine, request, reply, { body: null, work })
  if (reply.hasHeader('idempotent-replay') && (await digestOf(bytesOf(request.raw))) !== sha256) {
    reply.removeHeader('idempotent-replay')
    throw otherFile()
  }
  return report
}
