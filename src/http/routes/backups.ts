/** /v1/backups: the operator's. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { BackupListSchema, BackupRequest, BackupSchema } from '../schemas/backups.js'
import { answers, bearer, IdParams } from '../schemas/common.js'

const config = { auth: 'admin' } as const
const about = { tags: ['backups'], security: bearer }

export function backupRoutes(app: App, { backups }: EngineApi): void {
  app.post(
    '/v1/backups',
    {
      config,
      schema: {
        ...about,
        summary: 'Make a backup while the engine runs',
        description: 'One at a time. It is followed with GET; sending and requests go on beside it.',
        body: BackupRequest,
        response: answers({ 202: BackupSchema }),
      },
    },
    async (request, reply) => {
      const backup = await backups.start(principalOf(request), request.body.folder)
      return reply.code(202).send(backup)
    },
  )

  app.get(
    '/v1/backups',
    { config, schema: { ...about, summary: 'Backups of this run', response: answers({ 200: BackupListSchema }) } },
    async () => ({ items: backups.list(), nextCursor: null }),
  )

  app.get(
    '/v1/backups/:id',
    {
      config,
      schema: { ...about, summary: 'How far a backup is', params: IdParams, response: answers({ 200: BackupSchema }) },
    },
    async (request) => backups.get(request.params.id),
  )

  app.post(
    '/v1/backups/:id/cancel',
    {
      config,
      schema: {
        ...about,
        summary: 'End a backup and take away what was made of it',
        params: IdParams,
        response: answers({ 200: BackupSchema }),
      },
    },
    async (request) => backups.cancel(principalOf(request), request.params.id),
  )
}
