/** Saved job settings behind the façade: whose they are and what may be stored. Main thread. */
import type { AccountRecord } from '../accounts/account-record.js'
import type { Askers } from '../accounts/askers.js'
import { checkedName, NamedDocuments, type NamedRecord } from '../accounts/named-documents.js'
import type { Audit } from '../audit/audit.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import type { ProfileSettings, ProfilesApi, ProfileView } from '../contract/profiles.js'
import { settingErrors } from '../jobs/create.js'
import type { Documents } from '../store/documents.js'
import { compileAt } from '../templates/check-template.js'

interface ProfileRecord extends NamedRecord {
  settings: ProfileSettings
}

export interface ProfilesDeps {
  documents: Documents
  askers: Askers
  audit: Audit
  clock: Clock
}

interface Change {
  principal: Principal
  account: AccountRecord
  before: ProfileRecord | null
  after: ProfileRecord | null
}

export class Profiles implements ProfilesApi {
  readonly #deps: ProfilesDeps
  readonly #named: NamedDocuments<ProfileRecord>

  constructor(deps: ProfilesDeps) {
    this.#deps = deps
    this.#named = new NamedDocuments(deps.documents, { collection: 'profiles', noun: 'profile' })
  }

  async put(principal: Principal, given: string, settings: ProfileSettings): Promise<ProfileView> {
    const account = this.#deps.askers.record(principal)
    const name = checkedName(given)
    checkProfile(settings)
    return await this.#named.inTurn(async () => {
      const before = this.#named.find(account.number, name)
      if (before === null) this.#named.requireRoom(account.number)
      const nowMs = this.#deps.clock.now()
      const after = { name, settings, createdAtMs: before?.createdAtMs ?? nowMs, updatedAtMs: nowMs }
      await this.#write('profile.put', { principal, account, before, after })
      return profileView(after)
    })
  }

  get(principal: Principal, name: string): ProfileView {
    return profileView(this.#named.get(this.#deps.askers.record(principal).number, name))
  }

  list(principal: Principal, query: PageQuery): Page<ProfileView> {
    const { items, nextCursor } = this.#named.page(this.#deps.askers.record(principal).number, query)
    return { items: items.map(profileView), nextCursor }
  }

  async remove(principal: Principal, name: string): Promise<void> {
    const account = this.#deps.askers.record(principal)
    await this.#named.inTurn(async () => {
      const before = this.#named.get(account.number, name)
      await this.#write('profile.delete', { principal, account, before, after: null })
    })
  }

  /** null: there is none of this name. `account`: number. */
  settings(account: number, name: string): ProfileSettings | null {
    return this.#named.find(account, name)?.settings ?? null
  }

  async #write(action: string, { principal, account, before, after }: Change): Promise<void> {
    const { name } = (after ?? before)!
    const writes = [this.#named.write(account.number, name, after)]
    await this.#deps.audit.write(writes, { principal, action, object: `profile/${name}`, account, before, after })
  }
}

/** As the settings of a job, but the text may be left to the job. @throws EngineError VALIDATION, TEMPLATE_INVALID. */
function checkProfile(settings: ProfileSettings): void {
  const fields = [...settingErrors(settings)].filter(
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
