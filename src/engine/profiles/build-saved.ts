/** Puts what an account saves for its jobs together: templates, profiles, and how a job takes from them. Main thread. */
import { Templates, type TemplatesDeps } from '../templates/templates.js'
import { Profiles } from './profiles.js'
import { SavedSettings } from './saved-settings.js'

export interface Saved {
  templates: Templates
  profiles: Profiles
  saved: SavedSettings
}

export function buildSaved(deps: TemplatesDeps): Saved {
  const templates = new Templates(deps)
  const profiles = new Profiles(deps)
  return { templates, profiles, saved: new SavedSettings(profiles, templates) }
}
