/**
 * Routes of other gateways onto the same core, so that their users can switch without changing code; each only where the
 * configuration has it (`http.compat`). The account is the user name, one of its keys the password. Main thread.
 */
import type { EngineApi } from '../../engine/contract/api.js'
import type { Clock } from '../../engine/contract/clock.js'
import type { App } from '../app.js'
import type { Gate } from '../auth.js'
import { jasminRoutes } from './jasmin.js'
import { kannelRoutes } from './kannel.js'

export interface CompatOptions {
  gate: Gate
  clock: Clock
  kannel: boolean
  jasmin: boolean
}

/** Scopes of their own: they read bodies and answer errors in their own way. */
export async function compatRoutes(app: App, engine: EngineApi, options: CompatOptions): Promise<void> {
  if (options.kannel) await app.register(async (scope) => kannelRoutes(scope as unknown as App, engine, options))
  if (options.jasmin) await app.register(async (scope) => jasminRoutes(scope as unknown as App, engine, options))
}
