/** A file that holds the settings of a profile or a job. Command line only. */
import type { JobSettings } from '../engine/contract/job.js'
import type { ProfileSettings } from '../engine/contract/profiles.js'
import { jsonFile } from './json-file.js'

/** Settings, or a profile or a proposal that has them, as the API answers it. */
export function profileFile(file: string): ProfileSettings {
  const given = jsonFile(file)
  const { settings } = given
  return (typeof settings === 'object' && settings !== null ? settings : given) as ProfileSettings
}

/** As a job takes them. */
export function withoutPattern({ filePattern: _served, ...settings }: ProfileSettings): JobSettings {
  return settings
}
