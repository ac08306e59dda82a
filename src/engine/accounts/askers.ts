/** From who asks to which account: the parts of the façade ask here, so that the rule is in one place. Main thread. */
import type { Principal } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import type { AccountRecord } from './account-record.js'
import type { Accounts } from './accounts.js'

export class Askers {
  readonly #accounts: Accounts

  constructor(accounts: Accounts) {
    this.#accounts = accounts
  }

  /** Number of the asking account; null for the admin, who sees all. */
  number(principal: Principal): number | null {
    return principal.kind === 'admin' ? null : this.#accounts.record(principal.account).number
  }

  /** @throws EngineError FORBIDDEN: the admin key has no account of its own. */
  record(principal: Principal): AccountRecord {
    if (principal.kind === 'account') return this.#accounts.record(principal.account)
    throw new EngineError('FORBIDDEN', 'This needs the key of an account; the admin key has none.')
  }
}
