/** The API's description, generated from the route schemas: OpenAPI 3.1 at /openapi.json, a page to read it at /docs. */
import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { App } from './app.js'
import { openapiDocument } from './openapi-document.js'
import { answers, open } from './schemas/common.js'

export const docsPrefix = '/docs'

/** Before the routes: the plugin listens to their registration. */
export async function describeApi(app: App): Promise<void> {
  await app.register(fastifySwagger, {
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
        { name: 'audit', description: 'Who changed what.' },
        { name: 'jobs', description: 'A file or list of recipients and what becomes of it.' },
        { name: 'messages', description: 'Messages one by one.' },
        { name: 'inbound', description: 'What subscribers sent.' },
        { name: 'accounts', description: 'Accounts and keys; admin key.' },
        { name: 'carriers', description: 'Upstreams; admin key.' },
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
    staticCSP: true,
    uiConfig: { persistAuthorization: false, url: '/openapi.json' },
  })
}

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
