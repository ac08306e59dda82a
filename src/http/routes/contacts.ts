/** /v1/contacts, /v1/tags and /v1/audience/count. Lists come in by contact-lists.ts, since their bodies are streams. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { AudienceQuestion } from '../../engine/contract/audience.js'
import type { ContactInput, ContactPatch } from '../../engine/contract/contacts.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { sendCsv } from '../csv-reply.js'
import { plusAgain } from '../query-text.js'
import { answers, bearer, NoContent, PageQuerySchema, pageAnswer, pageOf } from '../schemas/common.js'
import {
  AttributesSchema,
  AudienceCountSchema,
  AudienceQuestionSchema,
  ContactExportQuery,
  ContactListQuery,
  ContactParams,
  ContactPatchSchema,
  ContactPutSchema,
  ContactSchema,
  HistorySchema,
  TagSchema,
} from '../schemas/contacts.js'
import { messagePageAnswer } from '../schemas/message-page.js'

const look = { auth: 'account' } as const
const config = { auth: 'account', scope: 'manage' } as const
const about = { tags: ['contacts'], security: bearer }
const fileSchema = { schema: { type: 'string' } }
const one = { params: ContactParams, response: answers({ 200: ContactSchema }) }

export function contactRoutes(app: App, engine: EngineApi): void {
  singles(app, engine)
  history(app, engine)
  lists(app, engine)
  app.post(
    '/v1/audience/count',
    {
      config: { ...look, scope: 'read' },
      schema: {
        ...about,
        summary: 'Count an audience before it is sent to',
        body: AudienceQuestionSchema,
        response: answers({ 200: AudienceCountSchema }),
      },
    },
    async (request) => engine.audience.count(principalOf(request), request.body as AudienceQuestion),
  )
}

function singles(app: App, engine: EngineApi): void {
  const path = '/v1/contacts/:number'
  app.put(
    path,
    { config, schema: { ...about, ...one, summary: 'Make or replace a contact', body: ContactPutSchema } },
    async (request) => engine.contacts.put(principalOf(request), request.params.number, request.body as ContactInput),
  )
  app.get(path, { config: look, schema: { ...about, ...one, summary: 'One contact' } }, async (request) =>
    engine.contacts.get(principalOf(request), request.params.number),
  )
  app.patch(
    path,
    { config, schema: { ...about, ...one, summary: 'Change a contact', body: ContactPatchSchema } },
    async (request) => engine.contacts.patch(principalOf(request), request.params.number, request.body as ContactPatch),
  )
  app.delete(
    path,
    {
      config,
      schema: {
        ...about,
        summary: 'Erase a contact',
        params: ContactParams,
        response: answers({ 204: NoContent }),
      },
    },
    async (request, reply) => {
      await engine.contacts.remove(principalOf(request), request.params.number)
      return reply.code(204).send(null)
    },
  )
}

function history(app: App, engine: EngineApi): void {
  app.get(
    '/v1/contacts/:number/messages',
    {
      config: look,
      schema: {
        ...about,
        summary: 'Everything sent to a contact and received from it',
        params: ContactParams,
        querystring: PageQuerySchema,
        response: answers({
          200: messagePageAnswer(HistorySchema, 'Newest first. A page may be short: go on until nextCursor is null.'),
        }),
      },
    },
    async (request) => engine.contacts.history(principalOf(request), request.params.number, pageOf(request.query)),
  )
}

function lists(app: App, engine: EngineApi): void {
  app.get(
    '/v1/contacts',
    {
      config: look,
      schema: {
        ...about,
        summary: 'Find contacts',
        querystring: ContactListQuery,
        response: answers({ 200: pageAnswer(ContactSchema, 'Contacts in order of their creation.') }),
      },
    },
    async (request) => {
      const query = pageOf(request.query)
      if (query.q !== undefined) query.q = plusAgain(query.q)
      return engine.contacts.list(principalOf(request), query)
    },
  )
  app.get(
    '/v1/contacts/export',
    {
      config: { ...look, download: true },
      exposeHeadRoute: false,
      schema: {
        ...about,
        summary: 'All contacts as a file',
        querystring: ContactExportQuery,
        response: answers({
          200: {
            description: 'A line per contact, formulas guarded; with ndjson a JSON object a line.',
            content: { 'text/csv': fileSchema, 'application/x-ndjson': fileSchema },
          },
        }),
      },
    },
    async (request, reply) => {
      const { format = 'csv', tag } = request.query
      const pieces = engine.contacts.export(principalOf(request), format, tag)
      const type = format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson'
      return sendCsv(reply, pieces, { file: `contacts.${format}`, type })
    },
  )
  app.get(
    '/v1/tags',
    {
      config: look,
      schema: {
        ...about,
        summary: 'Tags with their counts',
        querystring: PageQuerySchema,
        response: answers({ 200: pageAnswer(TagSchema, 'Tags by name.') }),
      },
    },
    async (request) => engine.contacts.tags(principalOf(request), pageOf(request.query)),
  )
  app.get(
    '/v1/contacts/attributes',
    {
      config: look,
      schema: { ...about, summary: 'Names of attributes', response: answers({ 200: AttributesSchema }) },
    },
    async (request) => ({ items: engine.contacts.attributes(principalOf(request)) }),
  )
}
