/** Many contacts at once: POST /v1/contacts with a JSON list, POST /v1/contacts/import with a CSV, and what became of it. */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { plainBytes } from '../../engine/base/plain-bytes.js'
import type { EngineApi } from '../../engine/contract/api.js'
import type { ImportSettings, OptInChannel, OptInState } from '../../engine/contract/contacts.js'
import { EngineError } from '../../engine/contract/errors.js'
import type { CsvSettings } from '../../engine/contract/job.js'
import { limits } from '../../engine/contract/limits.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { bytesOf, uploadIdleMs } from '../body-stream.js'
import { sendCsv } from '../csv-reply.js'
import { CSV_TYPES } from '../csv-types.js'
import { digestOf, otherFile } from '../file-digest.js'
import { once } from '../idempotency.js'
import { timeAgain } from '../query-text.js'
import {
  answers,
  bearer,
  csvAnswer,
  IdParams,
  idempotencyHeader,
  PageQuerySchema,
  pageAnswer,
  pageOf,
} from '../schemas/common.js'
import { BulkSchema, ContactListSchema, ImportQuery, ImportSchema } from '../schemas/contacts.js'

const look = { auth: 'account' } as const
const config = { auth: 'account', scope: 'manage', streams: true, gzip: true } as const
const about = { tags: ['contacts'], security: bearer }
const utf8 = 'text/csv; charset=utf-8'
interface ImportRequest extends Omit<ImportSettings, 'csv' | 'optIn' | 'fields'>, CsvSettings {
  /** attribute:column, … */
  fields?: string
  optInChannel?: OptInChannel
  optInState?: OptInState
  optInSource?: string
  optInText?: string
  optInAt?: string
  optInAddress?: string
}

/** In a scope of its own: every body passes as a stream. */
export function contactListRoutes(app: App, engine: EngineApi): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined))
  bulkRoute(app, engine)
  importRoute(app, engine)
}

function bulkRoute(app: App, engine: EngineApi): void {
  app.post(
    '/v1/contacts',
    {
      config,
      // The body is read and checked by a worker: ten thousand contacts would hold this thread.
      validatorCompiler: () => (value: unknown) => ({ value }),
      schema: {
        ...about,
        summary: `Make or change up to ${limits.contactsPerRequest} contacts`,
        headers: idempotencyHeader,
        body: { content: { 'application/json': { schema: ContactListSchema } } },
        response: answers({ 200: BulkSchema }),
      },
    },
    async (request, reply) => {
      if (mediaTypeOf(request) !== 'application/json') {
        throw new EngineError(
          'UNSUPPORTED_MEDIA',
          'send the list as application/json; a file goes to POST /v1/contacts/import',
        )
      }
      const { body, sha256 } = await wholeBody(request)
      return once(engine, request, reply, {
        body: { sha256 },
        work: () => engine.contacts.upsert(principalOf(request), body),
      })
    },
  )
}

/** Hashed as it comes: of 16 MiB at once this thread would be held for long. */
async function wholeBody(request: FastifyRequest): Promise<{ body: Buffer; sha256: string }> {
  request.raw.setTimeout(uploadIdleMs)
  const hash = createHash('sha256')
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of plainBytes(bytesOf(request.raw, limits.contactListBytes))) {
    bytes += chunk.length
    if (bytes > limits.contactListBytes) {
      throw new EngineError('TOO_LARGE', `the list has more than ${limits.contactListBytes} bytes`)
    }
    hash.update(chunk)
    chunks.push(chunk)
  }
  return { body: Buffer.concat(chunks), sha256: hash.digest('hex') }
}

function mediaTypeOf(request: FastifyRequest): string | undefined {
  return request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
}

function importRoute(app: App, engine: EngineApi): void {
  app.post(
    '/v1/contacts/import',
    {
      config,
      schema: {
        ...about,
        summary: 'Import contacts from a CSV file',
        description:
          'Answers once the last byte is durable; a small file is imported by then. Labels of the header become attributes ' +
          '(param0, param1 … without one); an empty cell changes nothing. To import a file again doubles nothing.',
        headers: idempotencyHeader,
        querystring: ImportQuery,
        body: { content: { 'text/csv': { schema: { type: 'string' } } } },
        response: answers({ 202: ImportSchema }),
      },
    },
    async (request, reply) => importFile(engine, request, reply),
  )
}

async function importFile(engine: EngineApi, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  if (!CSV_TYPES.has(mediaTypeOf(request))) {
    throw new EngineError('UNSUPPORTED_MEDIA', `${mediaTypeOf(request)} is not taken here; send the file as text/csv`)
  }
  request.raw.setTimeout(uploadIdleMs)
  const settings = settingsOf(request.query as ImportRequest)
  const work = () => engine.contacts.import(principalOf(request), settings, bytesOf(request.raw))
  const made = await once(engine, request, reply, { body: settings, work })
  if (reply.hasHeader('idempotent-replay') && (await digestOf(bytesOf(request.raw))) !== made.sha256) {
    reply.removeHeader('idempotent-replay')
    throw otherFile()
  }
  return reply.code(202).header('location', `/v1/imports/${made.id}`).send(made)
}

function settingsOf(query: ImportRequest): ImportSettings {
  const { header, delimiter, encoding, optInChannel, optInState, ...rest } = query
  const { optInSource, optInText, optInAt, optInAddress, fields, at, ...settings } = rest
  const whole: ImportSettings = { ...settings, ...defined({ at: at && timeAgain(at) }) }
  if (fields !== undefined) whole.fields = fieldsOf(fields)
  if (header !== undefined || delimiter !== undefined || encoding !== undefined) {
    whole.csv = defined({ header, delimiter, encoding })
  }
  const evidence = defined({
    source: optInSource,
    text: optInText,
    at: optInAt && timeAgain(optInAt),
    address: optInAddress,
  })
  if (optInState !== undefined) whole.optIn = { [optInChannel ?? 'sms']: { state: optInState, ...evidence } }
  else if (optInChannel !== undefined || Object.keys(evidence).length > 0) {
    throw new EngineError('VALIDATION', 'optInState is required with the other optIn settings', {
      fields: [{ pointer: '/optInState', message: 'is required' }],
    })
  }
  return whole
}

/** `city:Town,age:3`. */
function fieldsOf(list: string): Record<string, string> {
  const fields: Record<string, string> = Object.create(null)
  for (const pair of list.split(',')) {
    const colon = pair.indexOf(':')
    const [name, column] = [pair.slice(0, colon).trim(), pair.slice(colon + 1).trim()]
    if (colon > 0 && name !== '' && column !== '') fields[name] = column
    else {
      throw new EngineError('VALIDATION', 'fields must be pairs of attribute:column, such as city:Town,age:3', {
        fields: [{ pointer: '/fields', message: 'must be pairs of attribute:column' }],
      })
    }
  }
  return { ...fields }
}

function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T
}

export function importRoutes(app: App, engine: EngineApi): void {
  app.get(
    '/v1/imports',
    {
      config: look,
      schema: {
        ...about,
        summary: 'List imports',
        querystring: PageQuerySchema,
        response: answers({ 200: pageAnswer(ImportSchema, 'Imports, newest first.') }),
      },
    },
    async (request) => engine.contacts.imports(principalOf(request), pageOf(request.query)),
  )
  app.get(
    '/v1/imports/:id',
    {
      config: look,
      schema: { ...about, summary: 'One import', params: IdParams, response: answers({ 200: ImportSchema }) },
    },
    async (request) => engine.contacts.importOf(principalOf(request), request.params.id),
  )
  app.post(
    '/v1/imports/:id/cancel',
    {
      config: { auth: 'account', scope: 'manage' },
      schema: {
        ...about,
        summary: 'Cancel an import',
        description: 'One that waits for its time, or runs: what it has imported stays.',
        params: IdParams,
        response: answers({ 200: ImportSchema }),
      },
    },
    async (request) => engine.contacts.cancelImport(principalOf(request), request.params.id),
  )
  app.get(
    '/v1/imports/:id/rejects.csv',
    {
      config: { ...look, download: true },
      exposeHeadRoute: false,
      schema: {
        ...about,
        summary: 'Rows that were not taken, and why',
        params: IdParams,
        response: answers({ 200: csvAnswer('line,column,code,reason.') }),
      },
    },
    async (request, reply) => {
      const { id } = request.params
      return sendCsv(reply, engine.contacts.importRejects(principalOf(request), id), {
        file: `${id}-rejects.csv`,
        type: utf8,
      })
    },
  )
}
