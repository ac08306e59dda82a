/** /v1/carriers: the operator's. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { CarrierListSchema, CarrierPatchSchema, CarrierSchema } from '../schemas/carriers.js'
import { answers, bearer, IdParams } from '../schemas/common.js'

const config = { auth: 'admin', vital: true } as const
const about = { tags: ['carriers'], security: bearer }

export function carrierRoutes(app: App, engine: EngineApi): void {
  app.get(
    '/v1/carriers',
    {
      config,
      schema: { ...about, summary: 'Carriers and their binds', response: answers({ 200: CarrierListSchema }) },
    },
    async () => ({ items: await engine.carriers(), nextCursor: null }),
  )

  app.patch(
    '/v1/carriers/:id',
    {
      config,
      schema: {
        ...about,
        summary: 'Pause a carrier or change its rate, window or binds while it runs',
        params: IdParams,
        body: CarrierPatchSchema,
        response: answers({ 200: CarrierSchema }),
      },
    },
    async (request) => engine.patchCarrier(request.params.id, request.body, principalOf(request)),
  )
}
