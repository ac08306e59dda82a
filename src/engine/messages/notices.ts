/**
 * Notices: emails of the engine itself to people of an account. The messages and the key are one transaction, so that a call
 * that a kill cut off is made again without a second email. They pass suppressions, hours and balance: who gets them runs
 * the account. Main thread.
 */
import type { Database } from 'lmdb'
import type { AccountRecord } from '../accounts/account-record.js'
import type { Accounts } from '../accounts/accounts.js'
import { mailboxOf } from '../base/email-address.js'
import type { Clock } from '../contract/clock.js'
import type { RoutePlan } from '../contract/ingest.js'
import type { Log } from '../contract/log.js'
import type { Notice, NoticeResult, NoticesApi } from '../contract/notices.js'
import { storeFailed } from '../store/lmdb-store.js'
import type { GroupCommit } from './group-commit.js'
import { mailRecord } from './mail-record.js'

const PREFIX = 'notice:'
const KEPT_MS = 30 * 86_400_000
/** Notices between two looks for keys that are over, and keys of one look. */
const SWEEP_EVERY = 500
const SWEEP_KEYS = 5_000
const SUBJECT_MOST = 500
const TEXT_MOST = 40_000
const KEY_MOST = 200
const RECIPIENTS_MOST = 50

export interface NoticesDeps {
  accounts: Accounts
  clock: Clock
  log: Log
  commits: GroupCommit
  /** Table `meta` of the queue's environment. */
  notes: Database<Buffer, string>
  plans(account: string): RoutePlan[]
  /** Number of the account's job of notices, made durably at the first one. */
  job(account: AccountRecord): number | Promise<number>
  /** @throws EngineError SHUTTING_DOWN, STORE_FULL. */
  admit(): void
}

export class Notices implements NoticesApi {
  readonly #deps: NoticesDeps
  /** By key: those that are not durable yet. */
  readonly #underWay = new Map<string, Promise<NoticeResult>>()
  #sinceSweep = SWEEP_EVERY

  constructor(deps: NoticesDeps) {
    this.#deps = deps
  }

  async send(notice: Notice): Promise<NoticeResult> {
    const account = this.#deps.accounts.record(notice.account)
    const key = `${PREFIX}${account.number}:${notice.key.slice(0, KEY_MOST)}`
    const underWay = this.#underWay.get(key)
    if (underWay !== undefined) {
      await underWay
      return 'known'
    }
    const sending = this.#send(account, notice, key)
    this.#underWay.set(key, sending)
    try {
      return await sending
    } finally {
      this.#underWay.delete(key)
    }
  }

  async #send(account: AccountRecord, notice: Notice, key: string): Promise<NoticeResult> {
    const { notes, admit, log, clock, commits, plans } = this.#deps
    if (notes.getBinary(key) !== undefined) return 'known'
    admit()
    const route = plans(account.id).find(({ channel }) => channel === 'email')
    if (route === undefined) {
      log.warn({ account: account.id }, 'a notice is not sent: no carrier takes email')
      return 'noRoute'
    }
    const recipients = this.#recipients(account, notice.to)
    if (recipients.length === 0) return 'noRecipient'
    const job = await this.#deps.job(account)
    const createdSeconds = Math.floor(clock.now() / 1000)
    const head = { job, account: account.number, route: route.route, from: '', createdSeconds, range: null }
    const body = { subject: oneLine(notice.subject), text: textOf(notice.text), html: '', unsubscribeUrl: '' }
    for (const to of recipients) commits.add(head, mailRecord(to, body, { dueSeconds: 0, expiresSeconds: 0 })!)
    const value = Buffer.alloc(8)
    value.writeDoubleLE(clock.now())
    await commits.commit([{ key, value }])
    await this.#sweep()
    return 'sent'
  }

  #recipients({ id }: AccountRecord, given: readonly string[]): string[] {
    const addresses = new Set<string>()
    for (const written of given.slice(0, RECIPIENTS_MOST)) {
      const address = mailboxOf(written)?.address ?? null
      if (address === null)
        this.#deps.log.warn({ account: id }, 'a notice is not sent to something that is no email address')
      else addresses.add(address)
    }
    return [...addresses]
  }

  async #sweep(): Promise<void> {
    if (++this.#sinceSweep < SWEEP_EVERY) return
    this.#sinceSweep = 0
    const { notes, clock } = this.#deps
    const before = clock.now() - KEPT_MS
    const found = notes.getRange({ start: PREFIX, end: `${PREFIX}\uffff`, limit: SWEEP_KEYS })
    const old = [...found].filter(({ value }) => value.readDoubleLE(0) < before)
    if (old.length === 0) return
    try {
      await notes.batch(() => {
        for (const { key } of old) notes.remove(key)
      })
    } catch (error) {
      throw storeFailed(error)
    }
  }
}

function oneLine(subject: string): string {
  return subject
    .replace(/\p{C}+/gu, ' ')
    .trim()
    .slice(0, SUBJECT_MOST)
}

/** As long as a record has room for it, whatever its characters are. */
function textOf(text: string): string {
  return Buffer.byteLength(text) <= TEXT_MOST ? text : `${text.slice(0, TEXT_MOST / 4)}\n…`
}
