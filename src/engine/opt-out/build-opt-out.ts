/** Opting out, put together: the suppressions with their gates, the words, the links and the routes. Main thread. */
import type { AccountRecord } from '../accounts/account-record.js'
import type { Accounts } from '../accounts/accounts.js'
import type { Askers } from '../accounts/askers.js'
import type { DataSecret } from '../accounts/data-secret.js'
import type { Audit } from '../audit/audit.js'
import type { Config } from '../config/schema.js'
import type { Consent } from '../contacts/consent-desk.js'
import type { Clock } from '../contract/clock.js'
import type { OptOutSettings, Unsubscribe, WayOutPlan } from '../contract/opt-out.js'
import type { ToDispatcher } from '../contract/thread.js'
import type { RunTask } from '../jobs/fair-pool.js'
import type { Composer } from '../messages/compose.js'
import type { Alongside, NewItem } from '../store/inbound-store.js'
import type { LmdbStore } from '../store/lmdb-store.js'
import { Answers } from './answers.js'
import { KeywordDesk } from './keyword-desk.js'
import { LinkTokens } from './link-token.js'
import { type Links, type WayOutAsked, wayOutPlan } from './opt-out-settings.js'
import { ReplyLedger } from './reply-ledger.js'
import { SuppressionBook } from './suppression-book.js'
import { SuppressionImport } from './suppression-import.js'
import { Suppressions } from './suppressions.js'
import { Unsubscribing } from './unsubscribing.js'
import { WayOutText } from './way-out.js'

export interface OptOutParts {
  config: Pick<Config, 'dataDir' | 'http'>
  store: LmdbStore
  clock: Clock
  accounts: Accounts
  audit: Audit
  secret: DataSecret
  runTask: RunTask
  post(message: ToDispatcher): void
  /** What somebody said by a link goes to the contact. */
  said(consent: Consent): Promise<void>
}

/** Who composes and what for; known once the composer is. */
export interface AnswerParts {
  composer: Composer
  /** Number of the account's job of answers, made durably at the first one. */
  job(account: AccountRecord): number | Promise<number>
}

interface WayOutAccount {
  number: number
  optOut: OptOutSettings
}

/** Ready-made endings kept an account; more senders than these are rare. */
const ENDINGS_MAX = 64

export class OptOut {
  readonly #parts: OptOutParts
  readonly #links: Links | null
  readonly #tokens: LinkTokens
  readonly book: SuppressionBook
  /** By settings, which are a new object when they change. */
  readonly #endings = new WeakMap<OptOutSettings, Map<string, WayOutText | null>>()
  #desk: KeywordDesk | null = null

  constructor(parts: OptOutParts) {
    this.#parts = parts
    const secret = new Uint8Array(parts.secret.derive('unsubscribe'))
    const { publicUrl } = parts.config.http
    this.#links = publicUrl === undefined ? null : { publicUrl, secret }
    this.#tokens = new LinkTokens(secret)
    this.book = new SuppressionBook({
      environment: parts.store.environment,
      moved: (filter) => parts.post({ type: 'suppressions', filter }),
    })
  }

  /** `address`: of an email, in lower case; `number` is its key then. */
  has(account: number, number: number, from: string, address?: string): boolean {
    return this.book.has(account, number, from, address)
  }

  /** For a job's texts; null: nothing is added. @throws EngineError VALIDATION. */
  plan(account: WayOutAccount, asked: WayOutAsked): WayOutPlan | null {
    return wayOutPlan(account, asked, this.#links)
  }

  /** As `plan`, ready to be appended; kept, since single messages ask each time. */
  wayOut(account: WayOutAccount, unsubscribe: Unsubscribe, from: string): WayOutText | null {
    let endings = this.#endings.get(account.optOut)
    if (endings === undefined || endings.size >= ENDINGS_MAX) {
      endings = new Map()
      this.#endings.set(account.optOut, endings)
    }
    const key = `${account.number} ${unsubscribe} ${from}`
    const known = endings.get(key)
    if (known !== undefined) return known
    const plan = this.plan(account, { unsubscribe, from })
    const ending = plan === null ? null : new WayOutText(plan, from, this.#tokens)
    endings.set(key, ending)
    return ending
  }

  listen({ composer, job }: AnswerParts): void {
    const { store, clock, accounts, post } = this.#parts
    const answers = new Answers({
      composer,
      clock,
      job,
      takeBlock: () => store.numbers.take(),
      append: (append) => store.put(append),
      appended: (number, route) => post({ type: 'appended', job: number, route }),
    })
    const replies = new ReplyLedger(store.environment)
    const account = (number: number) => accounts.byNumber(number)
    this.#desk = new KeywordDesk({ book: this.book, replies, answers, clock, account })
  }

  /** For the desk of subscribers' messages. */
  readonly ears = {
    /** What is to be written beside a message. */
    alongside: async (listed: NewItem): Promise<Alongside | null> => (await this.#desk?.hear(listed)) ?? null,
    /** Messages to those who wrote them need wait no longer. */
    read: (number: number): void => this.#parts.post({ type: 'heard', number }),
  }

  /** Everything that subscribers wrote before the start has been heard: messages may be sent. */
  open(): void {
    this.book.filter.open()
  }

  routes(askers: Askers): Suppressions {
    const { config, clock, accounts, audit, runTask } = this.#parts
    const { book } = this
    return new Suppressions({
      ...{ book, accounts, askers, audit, clock },
      imports: new SuppressionImport({ book, clock, dataDir: config.dataDir, run: runTask }),
      links: new Unsubscribing({ book, accounts, audit, clock, tokens: this.#tokens, said: this.#parts.said }),
    })
  }
}
