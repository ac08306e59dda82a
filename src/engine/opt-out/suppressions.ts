/** The routes of suppressions behind the façade: who may change whose, and how numbers are read. Main thread. */
import type { AccountRecord } from '../accounts/account-record.js'
import type { Accounts } from '../accounts/accounts.js'
import type { Askers } from '../accounts/askers.js'
import { type Audit, type AuditEntry, auditedNumber } from '../audit/audit.js'
import { mailboxOf } from '../base/email-address.js'
import { timeAsked } from '../base/instant.js'
import { EVERY_ACCOUNT } from '../base/number-filter.js'
import { isSender } from '../base/sender.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import type {
  ImportReport,
  SuppressionFilter,
  SuppressionItem,
  SuppressionSource,
  SuppressionsApi,
  SuppressionView,
  UnsubscribePage,
} from '../contract/suppressions.js'
import { bareSender, type SuppressionReason } from '../store/suppression-table.js'
import { recipientOf } from './number-of.js'
import { type Place, type SuppressionBook, withReason } from './suppression-book.js'
import type { SuppressionImport } from './suppression-import.js'
import { SUPPRESSION_COLUMNS, suppressionLines, suppressionView, suppressionViews } from './suppression-view.js'
import type { Unsubscribing } from './unsubscribing.js'

/** Numbers that one page looks through where filters leave few, and lines of the CSV that are made at a time. */
const LOOKED_AT_MAX = 5_000
const LINES_AT_ONCE = 500

export interface SuppressionsDeps {
  book: SuppressionBook
  accounts: Accounts
  askers: Askers
  audit: Audit
  clock: Clock
  imports: SuppressionImport
  links: Unsubscribing
}

interface Wanted {
  source: SuppressionSource | undefined
  sinceMs: number
}

export class Suppressions implements SuppressionsApi {
  readonly #deps: SuppressionsDeps

  constructor(deps: SuppressionsDeps) {
    this.#deps = deps
  }

  get(principal: Principal, number: string, sender?: string): SuppressionView {
    const place = this.#known(principal, number)
    const reasons = this.#deps.book.reasons(place).filter((reason) => isOf(reason, sender))
    if (reasons.length === 0) throw notSuppressed()
    return suppressionView(place.number, reasons)
  }

  async put(
    principal: Principal,
    number: string,
    options: { sender?: string; note?: string },
  ): Promise<SuppressionView> {
    const place = this.#place(principal, number)
    const { book, clock } = this.#deps
    const before = book.reasons(place)
    const sender = checkedSender(options.sender)
    const after = withReason(before, { sender, source: 'api', atMs: clock.now(), note: options.note })
    await book.commit([book.stage(place, after)])
    await this.#audit(principal, { action: 'suppression.put', place, before, after })
    return suppressionView(place.number, book.reasons(place))
  }

  async remove(principal: Principal, number: string, sender?: string): Promise<void> {
    const place = this.#known(principal, number)
    const { book } = this.#deps
    const before = book.reasons(place)
    const after = before.filter((reason) => !isOf(reason, sender))
    if (after.length === before.length) throw notSuppressed()
    await book.commit([book.stage(place, after)])
    await this.#audit(principal, { action: 'suppression.delete', place, before, after })
  }

  list(principal: Principal, { limit, cursor, ...filter }: PageQuery & SuppressionFilter): Page<SuppressionView> {
    const account = this.#account(principal)?.number ?? EVERY_ACCOUNT
    const wanted = wantedOf(filter)
    const items: SuppressionView[] = []
    let looked = 0
    for (const { number, reasons } of this.#deps.book.stored(account, cursor === undefined ? 0 : Number(cursor))) {
      if (reasons.some((reason) => isWanted(reason, wanted))) items.push(...suppressionViews(number, reasons))
      if (items.length >= limit || ++looked === LOOKED_AT_MAX) return { items, nextCursor: String(number) }
    }
    return { items, nextCursor: null }
  }

  async *export(principal: Principal, filter: SuppressionFilter): AsyncGenerator<string> {
    const account = this.#account(principal)?.number ?? EVERY_ACCOUNT
    const wanted = wantedOf(filter)
    yield SUPPRESSION_COLUMNS
    let after = 0
    for (;;) {
      const { text, last, looked } = this.#lines(account, after, wanted)
      if (text !== '') yield text
      if (looked < LINES_AT_ONCE) return
      after = last
    }
  }

  /** The lines of the next numbers: no snapshot of the store is held while the client is waited for. */
  #lines(account: number, after: number, wanted: Wanted): { text: string; last: number; looked: number } {
    let text = ''
    let last = after
    let looked = 0
    for (const { number, reasons } of this.#deps.book.stored(account, after)) {
      last = number
      const shown = reasons.filter((reason) => isWanted(reason, wanted))
      for (const view of suppressionViews(number, shown)) text += suppressionLines(view)
      if (++looked === LINES_AT_ONCE) break
    }
    return { text, last, looked }
  }

  async import(principal: Principal, items: (string | SuppressionItem)[]): Promise<ImportReport> {
    const account = this.#account(principal)
    const report = await this.#deps.imports.list(importerOf(account), items)
    await this.#auditImport(principal, account, report)
    return report
  }

  async importCsv(principal: Principal, body: AsyncIterable<Buffer>, column?: string): Promise<ImportReport> {
    const account = this.#account(principal)
    const report = await this.#deps.imports.file(importerOf(account), body, column)
    await this.#auditImport(principal, account, report)
    return report
  }

  page(token: string): UnsubscribePage | null {
    return this.#deps.links.page(token)
  }

  async unsubscribe(token: string): Promise<UnsubscribePage | null> {
    return await this.#deps.links.unsubscribe(token)
  }

  /** null: an admin who names none, and so speaks of everyone. */
  #account(principal: Principal): AccountRecord | null {
    return principal.kind === 'admin' ? null : this.#deps.askers.record(principal)
  }

  #place(principal: Principal, text: string): Place {
    const account = this.#account(principal)
    return { account: account?.number ?? EVERY_ACCOUNT, ...recipientOf(text, account) }
  }

  /** What is no number is not suppressed. @throws EngineError NOT_FOUND. */
  #known(principal: Principal, text: string): Place {
    try {
      return this.#place(principal, text)
    } catch (error) {
      if (error instanceof EngineError && error.code === 'INVALID_NUMBER') throw notSuppressed()
      throw error
    }
  }

  async #audit(
    principal: Principal,
    change: {
      action: string
      place: Place
      before: readonly SuppressionReason[]
      after: readonly SuppressionReason[]
    },
  ): Promise<void> {
    const { action, place, before, after } = change
    const entry: AuditEntry = {
      principal,
      action,
      object: auditedNumber('suppression', place.mail ?? `+${place.number}`),
      account: this.#account(principal),
      before: before.length === 0 ? null : [...before],
      after: after.length === 0 ? null : [...after],
    }
    await this.#deps.audit.write([], entry)
  }

  async #auditImport(principal: Principal, account: AccountRecord | null, report: ImportReport): Promise<void> {
    const { records, added, known, rejected } = report
    const object = `suppressions/${records}`
    const after = { records, added, known, rejected }
    await this.#deps.audit.write([], { principal, action: 'suppression.import', object, account, after })
  }
}

function importerOf(account: AccountRecord | null) {
  const { number = EVERY_ACCOUNT, defaultCountry = null, allowShortCodes = false } = account ?? {}
  return { account: number, defaultCountry, shortCodes: allowShortCodes }
}

function isOf(reason: SuppressionReason, sender: string | undefined): boolean {
  return sender === undefined || reason.sender === bareSender(sender)
}

/** @throws EngineError VALIDATION. */
export function checkedSender(sender: string | undefined): string | undefined {
  if (sender === undefined) return undefined
  if (isSender(sender) || mailboxOf(sender) !== null) return bareSender(sender)
  const fields = [{ pointer: '/sender', message: 'must be a number, up to 11 letters and digits, or an email address' }]
  throw new EngineError('VALIDATION', 'sender is none.', { fields })
}

/** @throws EngineError VALIDATION. */
function wantedOf({ source, since }: SuppressionFilter): Wanted {
  return { source, sinceMs: timeAsked('since', since) ?? 0 }
}

function isWanted(reason: SuppressionReason, { source, sinceMs }: Wanted): boolean {
  return (source === undefined || reason.source === source) && reason.atMs >= sinceMs
}

function notSuppressed(): EngineError {
  return new EngineError('NOT_FOUND', 'The number or address is not suppressed.')
}
