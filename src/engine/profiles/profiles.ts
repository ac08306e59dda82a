/** Saved job settings behind the façade: whose they are and what may be stored. Main thread. */
import { type NamedDeps, NamedDesk } from '../accounts/named-desk.js'
import type { NamedRecord } from '../accounts/named-documents.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import { DEFAULT_PROFILE, type ProfileSettings, type ProfilesApi, type ProfileView } from '../contract/profiles.js'
import { settingErrors } from '../jobs/create.js'
import { compileAt } from '../templates/check-template.js'
import { bestMatch, patternErrors, patternsOf } from './file-pattern.js'

interface ProfileRecord extends NamedRecord {
  settings: ProfileSettings
}

export interface ProfilesDeps extends NamedDeps {
  clock: Clock
}

export class Profiles implements ProfilesApi {
  readonly #deps: ProfilesDeps
  readonly #desk: NamedDesk<ProfileRecord, ProfileView>

  constructor(deps: ProfilesDeps) {
    this.#deps = deps
    this.#desk = new NamedDesk(deps, { collection: 'profiles', noun: 'profile', view: profileView })
  }

  async put(principal: Principal, given: string, settings: ProfileSettings): Promise<ProfileView> {
    return await this.#desk.put(principal, given, {
      check: () => checkProfile(settings),
      next: ({ name, before }) => {
        const nowMs = this.#deps.clock.now()
        return { name, settings, createdAtMs: before?.createdAtMs ?? nowMs, updatedAtMs: nowMs }
      },
    })
  }

  get(principal: Principal, name: string): ProfileView {
    return this.#desk.get(principal, name)
  }

  list(principal: Principal, query: PageQuery): Page<ProfileView> {
    return this.#desk.list(principal, query)
  }

  async remove(principal: Principal, name: string): Promise<void> {
    await this.#desk.remove(principal, name)
  }

  match(principal: Principal, fileName: string): string | null {
    return this.nameFor(this.#deps.askers.record(principal).number, fileName)
  }

  /** As `match`, of an account by its number. */
  nameFor(account: number, fileName: string): string | null {
    const { documents } = this.#desk
    const served = documents
      .all(account)
      .map(({ name, settings }) => ({ name, patterns: patternsOf(settings.filePattern) }))
    return bestMatch(served, fileName) ?? documents.find(account, DEFAULT_PROFILE)?.name ?? null
  }

  /** null: there is none of this name. `account`: number. */
  settings(account: number, name: string): ProfileSettings | null {
    return this.#desk.documents.find(account, name)?.settings ?? null
  }
}

/** As the settings of a job, but the text may be left to the job. @throws EngineError VALIDATION, TEMPLATE_INVALID. */
export function checkProfile(settings: ProfileSettings): void {
  const fields = [...settingErrors(settings), ...patternErrors(settings.filePattern)].filter(
    ({ pointer }) => pointer !== '/text' || settings.text !== undefined,
  )
  if (fields.length > 0) throw new EngineError('VALIDATION', `${fields[0]!.pointer} ${fields[0]!.message}.`, { fields })
  if (settings.text !== undefined) compileAt('/text', settings.text)
}

function profileView({ name, settings, createdAtMs, updatedAtMs }: ProfileRecord): ProfileView {
  return {
    name,
    settings,
    createdAt: new Date(createdAtMs).toISOString(),
    updatedAt: new Date(updatedAtMs).toISOString(),
  }
}
