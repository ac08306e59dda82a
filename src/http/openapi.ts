/** The API's description, generated from the route schemas: OpenAPI 3.1 at /openapi.json, a page to read it at /docs. */
import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifySchema, RouteOptions } from 'fastify'
import type { App } from './app.js'
import { scopeOf } from './auth.js'
import { openapiDocument } from './openapi-document.js'
import { answers, open } from './schemas/common.js'

export const docsPrefix = '/docs'

/** The page needs styles of its own script's making and pictures in data URLs. It is served by plain HTTP as well. */
const DOCS_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
  "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** Before the routes: the plugin listens to their registration. */
export async function describeApi(app: App): Promise<void> {
  await app.register(fastifySwagger, {
    transform: ({ schema, url, route }) => ({ schema: withAccess(schema, route), url }),
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Trunkline',
        version: '1',
        description: 'Bulk message dispatch: CSV in, SMPP out, every row accounted for. Errors are problem details.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'The engine that this document comes from.' }],
      tags: [
        { name: 'messages', description: 'Messages one by one.' },
        { name: 'jobs', description: 'A file or list of recipients and what becomes of it.' },
        { name: 'rules', description: 'Which messages are made of which events.' },
        { name: 'events', description: 'What happens at your side, and what came of it.' },
        { name: 'templates', description: 'Kept texts, by name or by keyword.' },
        { name: 'recordings', description: 'WAV files that calls play, by name; how texts sound.' },
        { name: 'profiles', description: 'Kept settings of jobs.' },
        { name: 'drops', description: 'Drop & Go: files that were put into the drop folder.' },
        { name: 'contacts', description: 'Who is messaged: attributes, tags, consent, imports, audiences.' },
        { name: 'suppressions', description: 'Numbers that must not be messaged, and the links that make them so.' },
        { name: 'inbound', description: 'What subscribers sent.' },
        { name: 'webhooks', description: 'Where you are told what happens.' },
        { name: 'money', description: 'Balance, quotas and usage.' },
        { name: 'accounts', description: 'Accounts and keys; admin key.' },
        { name: 'audit', description: 'Who changed what.' },
        { name: 'carriers', description: 'Upstreams; admin key.' },
        { name: 'erasures', description: 'Erasing everything of one number or address.' },
        { name: 'backups', description: 'Backups while the engine runs; admin key.' },
        { name: 'compatibility', description: 'Routes of other gateways, where the configuration has them.' },
        { name: 'system', description: 'Health, metrics, this document; no key.' },
      ],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'Key of an account, or the admin key.' },
        },
      },
    },
  })
  // The page and all that it loads come from the package: no network is needed.
  await app.register(fastifySwaggerUi, {
    routePrefix: docsPrefix,
    staticCSP: DOCS_POLICY,
    uiConfig: { persistAuthorization: false, url: '/openapi.json' },
  })
}

/** Which key an operation takes: as the role of its security requirement, as `x-auth`, and in a sentence. */
function withAccess(schema: FastifySchema | undefined, { config, method }: RouteOptions): FastifySchema {
  const need = config?.auth
  if (schema === undefined || need === undefined || need === 'none' || need === 'password') return schema ?? {}
  const scope = scopeOf([method].flat()[0]!, config?.scope) ?? 'read'
  const said = schema.description === undefined ? '' : `${schema.description}\n\n`
  const access = {
    'x-auth': need,
    description: `${said}${keyNeeded[need].replace('SCOPE', scope)}`,
    security: [{ bearer: [need === 'admin' ? 'admin' : scope] }],
  }
  return { ...schema, ...access }
}

const keyNeeded = {
  admin: 'Needs the admin key.',
  account: 'Needs a key of the account with the scope `SCOPE`; the admin names the account in Trunkline-Account.',
  any: 'Needs a key with the scope `SCOPE`, which sees its own account, or the admin key, which sees all.',
} as const

export function openapiRoute(app: App): void {
  let text: string | null = null
  app.get(
    '/openapi.json',
    {
      config: { auth: 'none' },
      schema: {
        tags: ['system'],
        security: open,
        summary: 'This document',
        response: answers({ 200: { description: 'OpenAPI 3.1.', type: 'object', additionalProperties: true } }),
      },
    },
    async (_request, reply) => {
      // Routes do not change once the server listens.
      text ??= JSON.stringify(openapiDocument(app.swagger()))
      return reply.type('application/json').send(text)
    },
  )
}
