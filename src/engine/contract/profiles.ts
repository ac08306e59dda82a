/** Saved job settings of an account. A job that names a profile takes from it what its own settings do not say. */
import type { Page, PageQuery, Principal } from './api.js'
import type { JobSettings } from './job.js'

/** A profile names no other profile. */
export type ProfileSettings = Omit<JobSettings, 'profile'>

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
}
