/**
 * What the environment says to a client of the API. Apart from load.ts, because a command that only asks a server need not
 * wait a third of a second for the schema of the configuration to be built. Command line.
 */
import type { Environment } from './substitute.js'

/** What the process was told by its environment, for clients of the API and for tests of the engine. */
export interface ClientEnvironment {
  /** TRUNKLINE_URL: where the HTTP API is. */
  url: string | null
  /** TRUNKLINE_KEY: key of an account, or the admin key. */
  key: string | null
  /** CRASH_AT=name:n kills the process at the n-th passage of a crash point; for tests. */
  crashAt: string | null
}

export function clientEnvironment(env: Environment = process.env): ClientEnvironment {
  return { url: env.TRUNKLINE_URL || null, key: env.TRUNKLINE_KEY || null, crashAt: env.CRASH_AT || null }
}
