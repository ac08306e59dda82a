/**
 * The answers to STOP, START and HELP: messages of the account from the number that was written to, over its own route, in
 * an open-ended job of its own. They are the only ones that go to suppressed numbers. A repetition would break the rule of
 * one confirmation (47 CFR 64.1200(a)(12)), so what was unanswered is held, not sent again; and after five minutes, the
 * time that the rule gives, none is sent. They cost the account nothing. Main thread.
 */
import type { AccountRecord } from '../accounts/account-record.js'
import type { Clock } from '../contract/clock.js'
import { type MessageRef, messageRef } from '../contract/message.js'
import type { Keyword } from '../contract/opt-out.js'
import type { Append } from '../contract/store.js'
import type { Composed, Composer } from '../messages/compose.js'
import { BlockBuilder } from '../store/block.js'
import type { StagedChange } from './suppression-book.js'
import { shownNumber } from './suppression-view.js'

const VALID_SECONDS = 300

export interface AnswersDeps {
  composer: Composer
  clock: Clock
  takeBlock(): number
  /** Number of the account's job of answers, made durably at the first one. */
  job(account: AccountRecord): number | Promise<number>
  /** Within a transaction. */
  append(append: Append): void
  /** The message is durable: the dispatcher may claim it. */
  appended(job: number, route: number): void
}

export interface Answer extends StagedChange {
  ref: MessageRef
}

export class Answers {
  readonly #deps: AnswersDeps

  constructor(deps: AnswersDeps) {
    this.#deps = deps
  }

  /** null: the account says nothing to this word, or has no way to say it from this number. */
  async make(
    account: AccountRecord,
    { keyword, number, from }: { keyword: Keyword; number: number; from: string },
  ): Promise<Answer | null> {
    const text = textOf(account, keyword)
    if (text === null) return null
    const { composer, clock } = this.#deps
    const request = { to: shownNumber(number), from, text, channel: 'sms', validForSeconds: VALID_SECONDS } as const
    if (composer.compose(account, request, clock.now(), true).composed === null) return null
    const job = await this.#deps.job(account)
    // Again: what was composed before the wait lies in buffers that others have used since.
    const nowMs = clock.now()
    const { composed } = composer.compose(account, request, nowMs, true)
    return composed === null ? null : this.#build(account, composed, { job, nowMs })
  }

  #build(account: AccountRecord, composed: Composed, { job, nowMs }: { job: number; nowMs: number }): Answer {
    const { append, appended, takeBlock } = this.#deps
    const route = composed.route.route
    const head = {
      job,
      account: account.number,
      route,
      from: composed.from,
      fields: composed.fields,
      lockSeconds: composed.lockSeconds,
      createdSeconds: Math.floor(nowMs / 1000),
      range: null,
    }
    const builder = new BlockBuilder(head)
    // Without a country neither money nor quotas nor usage know of it: an opt-out must not fail for want of a balance.
    const place = builder.add({ ...composed.record, country: undefined })
    const sealed = builder.seal(takeBlock())
    return {
      ref: messageRef(sealed.block, place),
      put: () => append({ job, blocks: [sealed], range: null }),
      durable: () => appended(job, route),
    }
  }
}

/** What the account says to this word; null: nothing. */
function textOf({ name, optOut }: AccountRecord, keyword: Keyword): string | null {
  const own = optOut.confirmations[keyword]
  return own === undefined ? BUILT_IN[keyword](name) : own
}

const BUILT_IN: Readonly<Record<Keyword, (name: string) => string>> = {
  stop: (name) => `${name}: you are unsubscribed and will get no more messages. Reply START to get them again.`,
  start: (name) => `${name}: you are subscribed again. Reply STOP to opt out.`,
  help: (name) => `${name}: reply STOP to get no more messages, START to get them again.`,
}
