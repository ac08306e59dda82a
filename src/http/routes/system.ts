/** Health, readiness, metrics and the API's own description: open, since they say nothing of any account. */
import { Type } from 'typebox'
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { metricsBytes } from '../metrics-server.js'
import { answers, open } from '../schemas/common.js'

const config = { auth: 'none', vital: true } as const
const about = { tags: ['system'], security: open }

const HealthSchema = Type.Object({ status: Type.Literal('ok') }, { description: 'The process answers.' })
const ReadinessSchema = Type.Object(
  {
    ready: Type.Boolean(),
    checks: Type.Array(Type.Object({ name: Type.String(), ok: Type.Boolean(), detail: Type.String() })),
  },
  { description: 'Whether work is taken, and what stands in the way.' },
)
const MetricsAnswer = {
  description: 'Prometheus text.',
  content: { 'text/plain': { schema: { type: 'string' } } },
}

export function systemRoutes(app: App, engine: EngineApi): void {
  app.get(
    '/healthz',
    { config, schema: { ...about, summary: 'Is the process alive', response: answers({ 200: HealthSchema }) } },
    async () => ({ status: 'ok' as const }),
  )

  app.get(
    '/readyz',
    {
      config,
      schema: {
        ...about,
        summary: 'Is the engine ready for work',
        response: answers({ 200: ReadinessSchema, 503: ReadinessSchema }),
      },
    },
    async (_request, reply) => {
      const readiness = engine.readiness()
      return reply.code(readiness.ready ? 200 : 503).send(readiness)
    },
  )
}

/** Not registered when metrics have a listener of their own. */
export function metricsRoute(app: App, engine: EngineApi): void {
  app.get(
    '/metrics',
    { config, schema: { ...about, summary: 'Metrics for Prometheus', response: answers({ 200: MetricsAnswer }) } },
    async (_request, reply) => {
      const text = await engine.metrics()
      return reply.header('content-type', text.contentType).send(metricsBytes(text))
    },
  )
}
