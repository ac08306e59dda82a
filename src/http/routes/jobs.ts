/** /v1/jobs: reading and steering. How they are made: job-create.ts, job-upload.ts; what came of them: job-results.ts. */
import type { EngineApi, JobView, Principal } from '../../engine/contract/api.js'
import type { CopyOrder, DraftPatch } from '../../engine/contract/drafts.js'
import type { JobPatch } from '../../engine/contract/job.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { once } from '../idempotency.js'
import { timeAgain } from '../query-text.js'
import {
  answers,
  bearer,
  IdParams,
  idempotencyHeader,
  NoContent,
  nullable,
  pageAnswer,
  pageOf,
} from '../schemas/common.js'
import { JobCopySchema, JobListQuery, JobPatchSchema, JobSchema, PreviewSchema } from '../schemas/jobs.js'

const config = { auth: 'account' } as const
const steer = { auth: 'account', scope: 'send' } as const
/** The operator looks at the jobs of all accounts. */
const look = { auth: 'any' } as const
const about = { tags: ['jobs'], security: bearer }

export function jobRoutes(app: App, engine: EngineApi): void {
  app.get(
    '/v1/jobs',
    {
      config: look,
      schema: {
        ...about,
        summary: 'List jobs',
        querystring: JobListQuery,
        response: answers({ 200: pageAnswer(JobSchema, 'Jobs, newest first.') }),
      },
    },
    async (request) => {
      const query = pageOf(request.query)
      if (query.since !== undefined) query.since = timeAgain(query.since)
      return engine.jobs(principalOf(request), query)
    },
  )

  app.get(
    '/v1/jobs/:id',
    {
      config: look,
      schema: { ...about, summary: 'One job', params: IdParams, response: answers({ 200: JobSchema }) },
    },
    async (request) => engine.job(principalOf(request), request.params.id),
  )

  app.get(
    '/v1/jobs/:id/preview',
    {
      config,
      schema: {
        ...about,
        summary: 'The first rows rendered',
        params: IdParams,
        response: answers({ 200: PreviewSchema }),
      },
    },
    async (request) => engine.preview(principalOf(request), request.params.id),
  )

  app.patch(
    '/v1/jobs/:id',
    {
      config: steer,
      schema: {
        ...about,
        summary: 'Change a draft, or time, rate, hours, priority, name or tags of any job',
        description:
          'Text, sender, audience and the other settings of content: of a job that has sent nothing (receiving or ready), ' +
          'whose rows are then read anew. What would be refused changes nothing.',
        params: IdParams,
        body: JobPatchSchema,
        response: answers({ 200: JobSchema }),
      },
    },
    async (request) => engine.patchJob(principalOf(request), request.params.id, request.body as JobPatch & DraftPatch),
  )

  draftRoutes(app, engine)
  action(app, 'start', 'Confirm a job made with review', (who, id) => engine.startJob(who, id))
  action(app, 'pause', 'Stop sending until resumed', (who, id) => engine.pauseJob(who, id))
  action(app, 'resume', 'Go on sending', (who, id) => engine.resumeJob(who, id))
  action(app, 'cancel', 'Take back what is not sent yet', (who, id) => engine.cancelJob(who, id))
}

function draftRoutes(app: App, engine: EngineApi): void {
  app.post(
    '/v1/jobs/:id/copy',
    {
      config: steer,
      schema: {
        ...about,
        summary: 'A new draft with the settings of a job',
        description:
          'With the rows of its file, or its audience read anew; it waits for POST …/start. A time that has passed is left out.',
        params: IdParams,
        headers: idempotencyHeader,
        body: nullable(JobCopySchema),
        response: answers({ 202: JobSchema }),
      },
    },
    async (request, reply) => {
      const order = (request.body ?? {}) as CopyOrder
      const work = () => engine.drafts.copy(principalOf(request), request.params.id, order)
      const job = await once(engine, request, reply, { body: order, work })
      return reply.code(202).header('location', `/v1/jobs/${job.id}`).send(job)
    },
  )
  app.delete(
    '/v1/jobs/:id',
    {
      config: steer,
      schema: {
        ...about,
        summary: 'Delete a job that has sent nothing',
        params: IdParams,
        response: answers({ 204: NoContent }),
      },
    },
    async (request, reply) => {
      await engine.drafts.remove(principalOf(request), request.params.id)
      return reply.code(204).send(null)
    },
  )
}

function action(
  app: App,
  verb: string,
  summary: string,
  act: (principal: Principal, id: string) => Promise<JobView>,
): void {
  app.post(
    `/v1/jobs/:id/${verb}`,
    {
      config: { ...steer, vital: true },
      schema: { ...about, summary, params: IdParams, response: answers({ 200: JobSchema }) },
    },
    async (request) => act(principalOf(request), (request.params as { id: string }).id),
  )
}
