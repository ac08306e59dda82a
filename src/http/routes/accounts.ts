/** /v1/accounts: the admin's. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { once } from '../idempotency.js'
import { AccountCreatedSchema, AccountCreateSchema, AccountPatchSchema, AccountSchema } from '../schemas/accounts.js'
import { KeyCreatedSchema, KeyCreateSchema, KeyParams } from '../schemas/api-keys.js'
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
import { bodyMayLack } from '../validation.js'

const config = { auth: 'admin', vital: true } as const
const about = { tags: ['accounts'], security: bearer }

export function accountRoutes(app: App, engine: EngineApi): void {
  app.post(
    '/v1/accounts',
    {
      config,
      schema: {
        ...about,
        summary: 'Make an account and its first key',
        headers: idempotencyHeader,
        body: AccountCreateSchema,
        response: answers({ 201: AccountCreatedSchema }),
      },
    },
    async (request, reply) => {
      const { id, ...settings } = request.body
      const made = await once(engine, request, reply, {
        body: request.body,
        work: () => engine.createAccount(id, settings, principalOf(request)),
      })
      return reply.code(201).header('location', `/v1/accounts/${id}`).send(made)
    },
  )

  app.get(
    '/v1/accounts',
    {
      config,
      schema: {
        ...about,
        summary: 'List accounts',
        querystring: PageQuerySchema,
        response: answers({ 200: pageAnswer(AccountSchema, 'Accounts by id.') }),
      },
    },
    async (request) => engine.accounts(pageOf(request.query)),
  )

  app.get(
    '/v1/accounts/:id',
    {
      config,
      schema: { ...about, summary: 'One account', params: IdParams, response: answers({ 200: AccountSchema }) },
    },
    async (request) => engine.account(request.params.id),
  )

  app.patch(
    '/v1/accounts/:id',
    {
      config,
      schema: {
        ...about,
        summary: 'Change an account',
        params: IdParams,
        body: AccountPatchSchema,
        response: answers({ 200: AccountSchema }),
      },
    },
    async (request) => engine.patchAccount(request.params.id, request.body, principalOf(request)),
  )

  app.delete(
    '/v1/accounts/:id',
    {
      config,
      schema: { ...about, summary: 'Delete an account', params: IdParams, response: answers({ 204: NoContent }) },
    },
    async (request, reply) => {
      await engine.deleteAccount(request.params.id, principalOf(request))
      return reply.code(204).send()
    },
  )
  keyRoutes(app, engine)
}

function keyRoutes(app: App, engine: EngineApi): void {
  app.post(
    '/v1/accounts/:id/keys',
    {
      config,
      schema: {
        ...about,
        summary: 'Make a further key',
        description: 'Two may live at once: make the new one, move your programs to it, delete the old one.',
        params: IdParams,
        headers: idempotencyHeader,
        body: KeyCreateSchema,
        response: answers({ 201: KeyCreatedSchema }),
      },
      // A key without terms of its own needs no body.
      preValidation: bodyMayLack,
    },
    async (request, reply) => {
      const made = await once(engine, request, reply, {
        body: request.body,
        work: () => engine.createKey(request.params.id, request.body, principalOf(request)),
      })
      return reply.code(201).send(made)
    },
  )

  app.delete(
    '/v1/accounts/:id/keys/:keyId',
    {
      config,
      schema: { ...about, summary: 'Revoke a key', params: KeyParams, response: answers({ 204: NoContent }) },
    },
    async (request, reply) => {
      await engine.deleteKey(request.params.id, request.params.keyId, principalOf(request))
      return reply.code(204).send()
    },
  )
}
