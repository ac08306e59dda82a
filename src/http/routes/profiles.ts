/** /v1/profiles: saved job settings of an account. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { NameParams, ProfilePutSchema, ProfileSchema } from '../schemas/templates.js'
import { namedThingRoutes } from './named-things.js'

export function profileRoutes(app: App, engine: EngineApi): void {
  namedThingRoutes(app, {
    plural: 'profiles',
    one: 'a profile',
    params: NameParams,
    settings: ProfilePutSchema,
    view: ProfileSchema,
    api: engine.profiles,
  })
}
