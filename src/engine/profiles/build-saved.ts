/** Puts what an account saves for its jobs together: templates, profiles, and how a job takes from them. Main thread. */
import type { FairPool } from '../jobs/fair-pool.js'
import type { Jobs } from '../jobs/jobs.js'
import type { RouteBook } from '../jobs/route-book.js'
import { Templates, type TemplatesDeps } from '../templates/templates.js'
import { Profiles } from './profiles.js'
import { Samples } from './samples.js'
import { SavedSettings } from './saved-settings.js'

export interface SavedParts extends TemplatesDeps {
  config: { dataDir: string }
  pool: FairPool
  jobs: Jobs
  routes: RouteBook
}

export interface Saved {
  templates: Templates
  profiles: Profiles
  saved: SavedSettings
  samples: Samples
}

export function buildSaved(parts: SavedParts): Saved {
  const templates = new Templates(parts)
  const profiles = new Profiles(parts)
  const saved = new SavedSettings(profiles, templates)
  const sampling = {
    ...{ askers: parts.askers, clock: parts.clock, dataDir: parts.config.dataDir, pool: parts.pool },
    plan: parts.jobs.plan.bind(parts.jobs),
    channels: (account: string) => parts.routes.plans(account).map(({ channel }) => channel),
  }
  return { templates, profiles, saved, samples: new Samples(sampling, { profiles, saved }) }
}
