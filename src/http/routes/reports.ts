/** Reports: every message of a job or of an account, streamed as CSV or as JSON lines, and a job summed up. */
import type { EngineApi } from '../../engine/contract/api.js'
import { REPORT_FORMATS, type ReportFormat } from '../../engine/contract/report.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { sendCsv } from '../csv-reply.js'
import { plusAgain, timeAgain } from '../query-text.js'
import { answers, bearer, csvAnswer, IdParams, linesAnswer } from '../schemas/common.js'
import {
  JobSummarySchema,
  LogQuerySchema,
  type LogQueryText,
  ReportQuerySchema,
  type ReportQueryText,
  statesOf,
} from '../schemas/reports.js'

const config = { auth: 'any' } as const
const about = { security: bearer }
const types: Record<ReportFormat, string> = {
  csv: 'text/csv; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
}

export function reportRoutes(app: App, engine: EngineApi): void {
  for (const format of REPORT_FORMATS) {
    jobReportRoute(app, engine, format)
    sentLogRoute(app, engine, format)
  }
  app.get(
    '/v1/jobs/:id/summary',
    {
      config,
      schema: {
        ...about,
        tags: ['jobs'],
        summary: 'How the messages of a job ended, why, and with which carrier',
        description: 'Reads every message of the job: some seconds for a million.',
        params: IdParams,
        response: answers({ 200: JobSummarySchema }),
      },
    },
    async (request) => engine.reports.summary(principalOf(request), request.params.id),
  )
}

function answerOf(format: ReportFormat, description: string): object {
  return format === 'csv' ? csvAnswer(description) : linesAnswer(description)
}

function jobReportRoute(app: App, engine: EngineApi, format: ReportFormat): void {
  app.get(
    `/v1/jobs/:id/report.${format}`,
    {
      config: { ...config, download: true },
      exposeHeadRoute: false,
      schema: {
        ...about,
        tags: ['jobs'],
        summary: `Every message of a job and what became of it, as ${format.toUpperCase()}`,
        params: IdParams,
        querystring: ReportQuerySchema,
        response: answers({ 200: answerOf(format, 'One line per message, in the order of the file.') }),
      },
    },
    async (request, reply) => {
      const { id } = request.params as { id: string }
      const { state, channel } = request.query as ReportQueryText
      const pieces = engine.reports.job(principalOf(request), id, { format, states: statesOf(state), channel })
      return sendCsv(reply, pieces, { file: `${id}-report.${format}`, type: types[format] })
    },
  )
}

function sentLogRoute(app: App, engine: EngineApi, format: ReportFormat): void {
  app.get(
    `/v1/messages.${format}`,
    {
      config: { ...config, download: true },
      exposeHeadRoute: false,
      schema: {
        ...about,
        tags: ['messages'],
        summary: `The sent log of the account as ${format.toUpperCase()}`,
        description: 'Messages of all jobs and single ones, newest first; the admin key sees all accounts.',
        querystring: LogQuerySchema,
        response: answers({ 200: answerOf(format, 'One line per message.') }),
      },
    },
    async (request, reply) => {
      const { state, channel, since, until, from, to } = request.query as LogQueryText
      const pieces = engine.reports.log(principalOf(request), {
        format,
        states: statesOf(state),
        channel,
        since: since === undefined ? undefined : timeAgain(since),
        until: until === undefined ? undefined : timeAgain(until),
        from: from === undefined ? undefined : plusAgain(from),
        to: to === undefined ? undefined : plusAgain(to),
      })
      return sendCsv(reply, pieces, { file: `messages.${format}`, type: types[format] })
    },
  )
}
