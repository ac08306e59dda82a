/** From who asks to which account: the parts of the façade ask here, so that the rule is in one place. Main thread. */
import type { Principal } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import type { AccountRecord } from './account-record.js'
import type { Accounts } from './accounts.js'

function requireNotSuspended({ id, suspended }: AccountRecord): void {
  if (!suspended) return
  throw new EngineError(
    'ACCOUNT_SUSPENDED',
    `The account ${id} is suspended; nothing is sent for it until that is lifted.`,
  )
}

export class Askers {
  readonly #accounts: Accounts

  constructor(accounts: Accounts) {
    this.#accounts = accounts
  }

  /** Number of the asking account; null for the admin, who sees all. */
  number(principal: Principal): number | null {
    return principal.kind === 'admin' ? null : this.#accounts.record(principal.account).number
  }

  /** The account for which something is to be sent. @throws EngineError FORBIDDEN, ACCOUNT_SUSPENDED. */
  sender(principal: Principal): AccountRecord {
    const record = this.record(principal)
    requireNotSuspended(record)
    return record
  }

  /** Something of this account is to be sent, whoever asks for it. @throws EngineError ACCOUNT_SUSPENDED. */
  requireActive(account: number): void {
    const record = this.#accounts.byNumber(account)
    if (record !== null) requireNotSuspended(record)
  }

  /** @throws EngineError FORBIDDEN: the admin key has no account of its own. */
  record(principal: Principal): AccountRecord {
    if (principal.kind === 'account') return this.#accounts.record(principal.account)
    throw new EngineError('FORBIDDEN', 'This needs the key of an account; the admin key has none.')
  }
}
