/**
 * What somebody said by STOP, START or an unsubscribe link goes into the contact's opt-in of that channel, with the evidence.
 * The suppression is what keeps messages from being sent; this is what the account sees and can ask for. Main thread.
 */
import type { StoredOptIn } from '../contract/contact-tasks.js'
import type { OptInChannel } from '../contract/contacts.js'
import { accountFacts } from './account-facts.js'
import { emailKey } from './contact-key.js'
import type { ContactRunner } from './contact-runner.js'

export interface Consent {
  account: number
  /** E.164 as an integer, or an email address. */
  address: number | string
  channel: OptInChannel
  said: StoredOptIn
}

export class ConsentDesk {
  readonly #runner: ContactRunner

  constructor(runner: ContactRunner) {
    this.#runner = runner
  }

  /** Durable when it resolves; who is no contact becomes none. Said again with the same time it changes nothing. */
  async note({ account, address, channel, said }: Consent): Promise<void> {
    if (accountFacts(this.#runner.tables, account).contacts === 0) return
    const key = typeof address === 'string' ? emailKey(address) : address
    await this.#runner.change({ account, change: { key, mode: 'patch', optIn: { [channel]: said } } })
  }
}
