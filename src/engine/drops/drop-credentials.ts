/**
 * Log-ins to the drop folders: made, listed and revoked by an admin, and asked for by the site thread. Every change is
 * audited in its own transaction. Main thread.
 */
import type { AccountRecord } from '../accounts/account-record.js'
import type { Accounts } from '../accounts/accounts.js'
import type { Audit } from '../audit/audit.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import type {
  DropCredentialCreated,
  DropCredentialSettings,
  DropCredentialsApi,
  DropCredentialView,
} from '../contract/drop-credentials.js'
import { EngineError } from '../contract/errors.js'
import type { Log } from '../contract/log.js'
import type { LoginGrant, LoginQuestion, SiteAddresses } from '../contract/site.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import { CredentialBook, credentialRemoval, credentialWrite, type HeldCredential } from './credential-book.js'
import {
  type CredentialRecord,
  credentialTerms,
  credentialView,
  isExpired,
  newCredentialId,
  newPassword,
  newUsername,
} from './credential-record.js'
import { PasswordHash } from './password-hash.js'

/** When a log-in was last used is stored at most so often. */
const LAST_USED_MS = 60_000

export interface DropCredentialsDeps {
  documents: Documents
  accounts: Accounts
  audit: Audit
  clock: Clock
  log: Log
  /** What is kept of an answer under an Idempotency-Key, encrypted, with what makes it. */
  sealed(answer: object): DocumentWrite[]
  fail(error: unknown): void
}

/** What the site is to this; set once it runs. */
export interface SiteSide {
  /** Sessions of these credentials end at once. */
  end(credentials: string[]): void
  addresses(): SiteAddresses
  /** Absolute path of the account's folder; null: it has none. */
  folder(account: string): Promise<string | null>
}

const NO_SITE: SiteSide = { end() {}, addresses: () => ({ sftp: null, ftp: null }), folder: async () => null }

export class DropCredentials implements DropCredentialsApi {
  readonly #deps: DropCredentialsDeps
  readonly #book: CredentialBook
  readonly #passwords = new PasswordHash()
  site: SiteSide = NO_SITE

  constructor(deps: DropCredentialsDeps) {
    this.#deps = deps
    this.#book = new CredentialBook(deps.documents)
    // A kill between the end of an account and that of its log-ins.
    for (const account of this.#book.accounts()) if (deps.accounts.byNumber(account) === null) this.#forget(account)
    deps.accounts.watch((account) => this.#accountChanged(account))
  }

  async create(account: string, settings: DropCredentialSettings, by?: Principal): Promise<DropCredentialCreated> {
    const { accounts, clock } = this.#deps
    const owner = accounts.record(account)
    const terms = credentialTerms(settings, clock.now())
    this.#book.requireRoom(owner.number)
    const username = settings.username ?? this.#freeName(account)
    const password = settings.password === undefined ? newPassword() : settings.password
    return await this.#book.reserving(username, async () => {
      const passwordHash = password === null ? null : await this.#passwords.make(password)
      if (accounts.byNumber(owner.number) === null) throw new EngineError('NOT_FOUND', 'There is no such account.')
      this.#book.requireRoom(owner.number)
      const id = newCredentialId()
      const record = {
        ...{ id, account: owner.number, username, passwordHash, ...terms },
        ...{ createdAtMs: clock.now(), lastUsedAtMs: null },
      }
      this.#book.hold(record)
      const answer = { ...this.#view(record, account), password, connect: this.site.addresses() }
      await this.#write(record, { by, owner, writes: [credentialWrite(record), ...this.#deps.sealed(answer)] })
      return answer
    })
  }

  list(account: string, { limit, cursor }: PageQuery): Page<DropCredentialView> {
    const all = this.#book.of(this.#deps.accounts.record(account).number)
    // A cursor that is not there any more: from the start.
    const from = cursor === undefined ? 0 : all.findIndex(({ id }) => id === cursor) + 1
    const page = all.slice(from, from + limit)
    const nextCursor = from + page.length < all.length ? page.at(-1)!.id : null
    return { items: page.map((record) => this.#view(record, account)), nextCursor }
  }

  async remove(account: string, id: string, by?: Principal): Promise<void> {
    const owner = this.#deps.accounts.record(account)
    const record = this.#book.find(owner.number, id)
    this.#drop(record)
    this.site.end([id])
    await this.#write(record, { by, owner, writes: [credentialRemoval(record)], isRemoval: true })
  }

  /** Who has logged in; null: refused, and the caller must not say why. */
  async login(question: LoginQuestion): Promise<LoginGrant | null> {
    const { username, proof } = question
    const held = this.#book.named(username)
    const isProved =
      proof.kind === 'password'
        ? await this.#passwords.check(held?.record.passwordHash ?? null, proof.password)
        : held?.record.publicKeys.some(({ blob }) => blob === proof.blob)
    if (!isProved || held === undefined) return null
    const why = this.#refusal(held, question)
    const { record } = held
    if (why !== null) {
      this.#deps.log.warn(
        { username, protocol: question.protocol, ip: question.ip, why },
        'a log-in was right and refused',
      )
      return null
    }
    const { id: account } = this.#deps.accounts.byNumber(record.account)!
    const root = await this.site.folder(account)
    // It may have been revoked in the meantime.
    if (root === null || this.#refusal(held, question) !== null) return null
    this.#used(held)
    return { credential: record.id, username, account, root, expiresAtMs: record.expiresAtMs }
  }

  /** null: it may come in. */
  #refusal({ record, ranges }: HeldCredential, { username, ip }: LoginQuestion): string | null {
    const account = this.#deps.accounts.byNumber(record.account)
    if (account === null || this.#book.named(username)?.record.id !== record.id) return 'revoked'
    if (account.suspended) return 'the account is suspended'
    if (!account.features.drop) return 'the drop folder is switched off for the account'
    if (isExpired(record, this.#deps.clock.now())) return 'expired'
    return ranges === null || ranges.has(ip) ? null : 'from an address that is not on its list'
  }

  #used({ record }: HeldCredential): void {
    const nowMs = this.#deps.clock.now()
    if (record.lastUsedAtMs !== null && nowMs - record.lastUsedAtMs < LAST_USED_MS) return
    record.lastUsedAtMs = nowMs
    this.#deps.documents.write([credentialWrite(record)]).catch(this.#deps.fail)
  }

  #view(record: CredentialRecord, account: string): DropCredentialView {
    return credentialView(record, account, this.#deps.clock.now())
  }

  #freeName(account: string): string {
    for (;;) {
      const name = newUsername(account)
      if (this.#book.isFree(name)) return name
    }
  }

  #drop(record: CredentialRecord): void {
    this.#book.drop(record)
    if (record.passwordHash !== null) this.#passwords.forget(record.passwordHash)
  }

  async #write(
    record: CredentialRecord,
    change: { by: Principal | undefined; owner: AccountRecord; writes: DocumentWrite[]; isRemoval?: boolean },
  ): Promise<void> {
    const { by = null, owner, writes, isRemoval = false } = change
    await this.#deps.audit.write(writes, {
      principal: by,
      account: owner,
      action: isRemoval ? 'drop-credential.delete' : 'drop-credential.create',
      object: `drop-credential/${record.id}`,
      ...(isRemoval ? { before: record } : { after: record }),
    })
  }

  #accountChanged(number: number): void {
    const account = this.#deps.accounts.byNumber(number)
    if (account !== null && !account.suspended && account.features.drop) return
    this.site.end(this.#book.of(number).map(({ id }) => id))
    if (account === null) this.#forget(number)
  }

  /** The account is gone. */
  #forget(account: number): void {
    const records = this.#book.of(account)
    for (const record of records) this.#drop(record)
    if (records.length > 0) this.#deps.documents.write(records.map(credentialRemoval)).catch(this.#deps.fail)
  }
}
