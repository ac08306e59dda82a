/** What a link in a message leads to: the page says for whom it is, the button suppresses at once. Main thread. */
import type { Accounts } from '../accounts/accounts.js'
import type { Audit } from '../audit/audit.js'
import { auditedNumber } from '../audit/audit.js'
import type { Consent } from '../contacts/consent-desk.js'
import type { Clock } from '../contract/clock.js'
import { maskAddress, maskNumber } from '../contract/log.js'
import type { UnsubscribePage } from '../contract/suppressions.js'
import type { LinkTarget, LinkTokens } from './link-token.js'
import { type SuppressionBook, withReason } from './suppression-book.js'
import { shownNumber } from './suppression-view.js'

export interface UnsubscribingDeps {
  book: SuppressionBook
  accounts: Accounts
  audit: Audit
  clock: Clock
  tokens: LinkTokens
  /** The contact's opt-in is to say so; durable when it resolves. */
  said(consent: Consent): Promise<void>
}

export class Unsubscribing {
  readonly #deps: UnsubscribingDeps

  constructor(deps: UnsubscribingDeps) {
    this.#deps = deps
  }

  page(token: string): UnsubscribePage | null {
    const target = this.#deps.tokens.read(token)
    return target === null ? null : this.#pageOf(target)
  }

  async unsubscribe(token: string): Promise<UnsubscribePage | null> {
    const { book, clock, tokens, accounts, audit } = this.#deps
    const target = tokens.read(token)
    const account = target === null ? null : accounts.byNumber(target.account)
    if (target === null || account === null) return null
    const place = { account: target.account, number: target.number, mail: target.address }
    const sender = target.sender === '' ? undefined : target.sender
    const before = book.reasons(place)
    const isKnown = before.some((reason) => reason.source === 'link' && reason.sender === sender)
    if (!isKnown) {
      const atMs = clock.now()
      const after = withReason(before, { sender, source: 'link', atMs })
      // First: a kill behind it leaves nothing that would keep a second click from both.
      const consent = { state: 'out', source: 'link', text: null, atMs, address: null } as const
      const channel = target.address === undefined ? 'sms' : 'email'
      await this.#deps.said({
        account: target.account,
        address: target.address ?? target.number,
        channel,
        said: consent,
      })
      await book.commit([book.stage(place, after)])
      const object = auditedNumber('suppression', target.address ?? `+${target.number}`)
      await audit.write([], { principal: null, action: 'suppression.link', object, account, after })
    }
    return this.#pageOf(target)
  }

  /** null: the account is gone. */
  #pageOf({ account, number, address, sender }: LinkTarget): UnsubscribePage | null {
    const record = this.#deps.accounts.byNumber(account)
    if (record === null) return null
    return {
      name: record.name,
      number: address === undefined ? maskNumber(shownNumber(number)) : maskAddress(address),
      sender: sender === '' ? null : sender,
      isSuppressed: this.#deps.book.has(account, number, sender, address),
    }
  }
}
