/** /v1/accounts/:id/drop-credentials: log-ins to the drop folder, the admin's. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { once } from '../idempotency.js'
import {
  answers,
  bearer,
  IdParams,
  idempotencyHeader,
  NoContent,
  PageQuerySchema,
  pageAnswer,
  pageOf,
} from '../schemas/common.js'
import {
  DropCredentialCreatedSchema,
  DropCredentialCreateSchema,
  DropCredentialParams,
  DropCredentialSchema,
} from '../schemas/drop-credentials.js'
import { bodyMayLack } from '../validation.js'

const config = { auth: 'admin' } as const
const about = { tags: ['drops'], security: bearer }

export function dropCredentialRoutes(app: App, engine: EngineApi): void {
  app.post(
    '/v1/accounts/:id/drop-credentials',
    {
      config,
      schema: {
        ...about,
        summary: 'Make a log-in for SFTP and FTP',
        description: 'The password is shown in this answer and never again.',
        params: IdParams,
        headers: idempotencyHeader,
        body: DropCredentialCreateSchema,
        response: answers({ 201: DropCredentialCreatedSchema }),
      },
      // Everything may be left out, the body too.
      preValidation: bodyMayLack,
    },
    async (request, reply) => {
      const made = await once(engine, request, reply, {
        body: request.body,
        work: () => engine.dropCredentials.create(request.params.id, request.body, principalOf(request)),
      })
      return reply.code(201).send(made)
    },
  )

  app.get(
    '/v1/accounts/:id/drop-credentials',
    {
      config,
      schema: {
        ...about,
        summary: 'List the log-ins for SFTP and FTP',
        params: IdParams,
        querystring: PageQuerySchema,
        response: answers({ 200: pageAnswer(DropCredentialSchema, 'Log-ins, the oldest first.') }),
      },
    },
    async (request) => engine.dropCredentials.list(request.params.id, pageOf(request.query)),
  )

  app.delete(
    '/v1/accounts/:id/drop-credentials/:credentialId',
    {
      config,
      schema: {
        ...about,
        summary: 'Revoke a log-in; its sessions end',
        params: DropCredentialParams,
        response: answers({ 204: NoContent }),
      },
    },
    async (request, reply) => {
      await engine.dropCredentials.remove(request.params.id, request.params.credentialId, principalOf(request))
      return reply.code(204).send()
    },
  )
}
