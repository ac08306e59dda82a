/** Saved job settings of an account. A job that names a profile takes from it what its own settings do not say. */
import type { Page, PageQuery, Principal } from './api.js'
import type { JobSettings } from './job.js'

/** The profile that serves the files that no pattern fits. */
export const DEFAULT_PROFILE = 'default'

/** A profile names no other profile. */
export interface ProfileSettings extends Omit<JobSettings, 'profile'> {
  /** Names of dropped files that it serves, such as `clinic-*.csv`; absent: none, unless it is the default profile. */
  filePattern?: string | string[]
}

export interface ProfileView {
  name: string
  settings: ProfileSettings
  createdAt: string
  updatedAt: string
}

/** A foreign profile is as unknown as one that never was: NOT_FOUND. */
export interface ProfilesApi {
  /** Makes it or replaces it whole. @throws EngineError VALIDATION naming each wrong setting, TEMPLATE_INVALID. */
  put(principal: Principal, name: string, settings: ProfileSettings): Promise<ProfileView>
  get(principal: Principal, name: string): ProfileView
  /** By name. */
  list(principal: Principal, query: PageQuery): Page<ProfileView>
  remove(principal: Principal, name: string): Promise<void>
  /**
   * Name of the profile that serves a file: the one whose pattern says most about its name, else `default`; null: there is
   * none, so nobody has said what is to be sent.
   */
  match(principal: Principal, fileName: string): string | null
}
