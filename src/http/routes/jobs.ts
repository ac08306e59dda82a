/** /v1/jobs: reading and steering. How they are made: job-create.ts, job-upload.ts; what came of them: job-results.ts. */
import type { EngineApi, JobView, Principal } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { timeAgain } from '../query-text.js'
import { answers, bearer, IdParams, pageAnswer, pageOf } from '../schemas/common.js'
import { JobListQuery, JobPatchSchema, JobSchema, PreviewSchema } from '../schemas/jobs.js'

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
        summary: 'Change time, rate, hours, priority, name or tags',
        params: IdParams,
        body: JobPatchSchema,
        response: answers({ 200: JobSchema }),
      },
    },
    async (request) => engine.patchJob(principalOf(request), request.params.id, request.body),
  )

  action(app, 'start', 'Confirm a job made with review', (who, id) => engine.startJob(who, id))
  action(app, 'pause', 'Stop sending until resumed', (who, id) => engine.pauseJob(who, id))
  action(app, 'resume', 'Go on sending', (who, id) => engine.resumeJob(who, id))
  action(app, 'cancel', 'Take back what is not sent yet', (who, id) => engine.cancelJob(who, id))
}

function action(
  app: App,
  verb: string,
  summary: string,
  act: (principal: Principal, id: string) => Promise<JobView>,
): void {
  app.post(
    `/v1/jobs/:id/${verb}`,
    { config: steer, schema: { ...about, summary, params: IdParams, response: answers({ 200: JobSchema }) } },
    async (request) => act(principalOf(request), (request.params as { id: string }).id),
  )
}
