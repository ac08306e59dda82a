/**
 * Hears STOP, START and HELP: what follows from a subscriber's message is written in the transaction that lists it, so a
 * kill at any moment leaves all of it or nothing: the entry, the suppression, and the one answer. Main thread.
 */
import type { AccountRecord } from '../accounts/account-record.js'
import { EVERY_ACCOUNT } from '../base/number-filter.js'
import type { Clock } from '../contract/clock.js'
import { DEFAULT_OPT_OUT, type Keyword, type OptOutOutcome, type OptOutSettings } from '../contract/opt-out.js'
import type { Alongside, InboundItem, NewItem } from '../store/inbound-store.js'
import { bareSender, binds, type SuppressionReason } from '../store/suppression-table.js'
import type { Answers } from './answers.js'
import { type Found, KeywordFinder } from './keyword-finder.js'
import { parserFor } from './number-of.js'
import type { ReplyLedger } from './reply-ledger.js'
import { type Place, type StagedChange, type SuppressionBook, withReason } from './suppression-book.js'

export interface KeywordDeskDeps {
  book: SuppressionBook
  replies: ReplyLedger
  answers: Answers
  clock: Clock
  /** null: the account was deleted. */
  account(number: number): AccountRecord | null
}

/** A message that is one of the words. */
interface Heard {
  number: number
  item: InboundItem
  /** null: nothing says whose it is. */
  account: AccountRecord | null
  place: Place
  found: Found
}

interface Done {
  done: OptOutOutcome['done']
  changes: StagedChange[]
}

export class KeywordDesk {
  readonly #deps: KeywordDeskDeps
  /** Changed settings are a new object. */
  readonly #finders = new WeakMap<OptOutSettings, KeywordFinder>()

  constructor(deps: KeywordDeskDeps) {
    this.#deps = deps
  }

  /** Notes on the item what it says and what was done; null: nothing is to be written beside it. */
  async hear({ number, item }: NewItem): Promise<Alongside | null> {
    if (!isHeard(item)) return null
    const account = this.#accountOf(item)
    const found = item.pressed === true ? pressed(item.text!) : this.#finder(account).find(item.text!)
    if (found.keyword === null && !found.review) return null
    item.optOut = { keyword: found.keyword, review: found.review, done: null, reply: 0 }
    if (found.keyword === null) return null
    const from = numberFrom(item, account)
    if (from === null) {
      // Nothing that we could ever send to; a person may know better.
      item.optOut.review = true
      return null
    }
    const place = { account: account?.number ?? EVERY_ACCOUNT, number: from }
    return await this.#act({ number, item, account, place, found })
  }

  /** Whom it is routed to; else who wrote last to the number from there, although the lock is over. null: nobody is known. */
  #accountOf({ account, replied }: InboundItem): AccountRecord | null {
    const number = account ?? replied?.account ?? null
    return number === null ? null : this.#deps.account(number)
  }

  async #act(heard: Heard): Promise<Alongside> {
    const { item, found } = heard
    const { done, changes } = this.#change(heard)
    item.optOut!.done = done
    const answer = await this.#answer(heard, found.keyword!, done)
    if (answer === null) return alongside(changes)
    item.optOut!.reply = answer.ref
    const noted = this.#deps.replies.answered(heard.place, this.#deps.clock.now(), found.keyword === 'stop')
    return alongside([...changes, noted, answer])
  }

  #change(heard: Heard): Done {
    const { keyword } = heard.found
    if (keyword === 'stop') return this.#stop(heard)
    return keyword === 'start' ? this.#start(heard) : { done: null, changes: [] }
  }

  #stop(heard: Heard): Done {
    const { item, account, place } = heard
    const sender = bareSender(item.to)
    const changes: StagedChange[] = []
    if (account !== null) {
      const isOfSender = account.optOut.scope === 'sender' && item.pressed !== true
      changes.push(...this.#suppress(heard, place, isOfSender ? sender : undefined))
    }
    // Nothing says for sure whose it is: it binds everyone who sends from the number that it was written to.
    if (item.account === null || account === null) {
      changes.push(...this.#suppress(heard, { account: EVERY_ACCOUNT, number: place.number }, sender))
    }
    return { done: changes.length === 0 ? 'kept' : 'suppressed', changes }
  }

  #suppress({ number, item, found }: Heard, place: Place, sender: string | undefined): StagedChange[] {
    const { book } = this.#deps
    const before = book.reasons(place)
    const source = item.pressed === true ? 'voice' : 'stop'
    if (before.some((reason) => reason.source === source && reason.sender === sender)) return []
    const reason: SuppressionReason = {
      sender,
      source,
      atMs: item.receivedAtMs,
      text: found.word,
      address: item.to,
      inbound: number,
    }
    return [book.stage(place, withReason(before, reason))]
  }

  #start({ item, account, place }: Heard): Done {
    const { book, replies, clock } = this.#deps
    const liftsAll = account?.optOut.startLiftsAll ?? false
    const sender = bareSender(item.to)
    const changes: StagedChange[] = []
    for (const each of placesOf(place)) {
      const before = book.reasons(each)
      const isOwn = each.account !== EVERY_ACCOUNT
      const after = before.filter((reason) => !isLifted(reason, sender, liftsAll && isOwn))
      if (after.length < before.length) changes.push(book.stage(each, after))
    }
    if (changes.length === 0) return { done: 'kept', changes }
    return { done: 'lifted', changes: [...changes, ...replies.cameBack(place, clock.now())] }
  }

  async #answer(heard: Heard, keyword: Keyword, done: OptOutOutcome['done']) {
    const { item, account, place } = heard
    if (account === null || item.pressed === true || item.missing.length > 0 || !this.#isDue(heard, keyword, done))
      return null
    return await this.#deps.answers.make(account, { keyword, number: place.number, from: item.to })
  }

  /** Of a repeated STOP the first is confirmed; of a START one that changed something; HELP is answered always. */
  #isDue({ item, place }: Heard, keyword: Keyword, done: OptOutOutcome['done']): boolean {
    const { replies, clock, book } = this.#deps
    const nowMs = clock.now()
    if (!replies.mayAnswer(place, nowMs)) return false
    if (keyword === 'stop') return !replies.hasConfirmed(place, nowMs)
    if (keyword === 'help') return true
    return done === 'lifted' && !placesOf(place).some((each) => binds(book.reasons(each), item.to))
  }

  #finder(account: AccountRecord | null): KeywordFinder {
    const settings = account?.optOut ?? DEFAULT_OPT_OUT
    let finder = this.#finders.get(settings)
    if (finder === undefined) {
      finder = new KeywordFinder(settings)
      this.#finders.set(settings, finder)
    }
    return finder
  }
}

/** A digit in a call: which one it is, the carrier's configuration says. */
function pressed(digit: string): Found {
  return { keyword: 'stop', word: digit, review: false }
}

/** Texts to a person's number, from their beginning on. A late part, data and messages to a port say nothing. */
function isHeard({ text, lateFor, missing, ports }: InboundItem): boolean {
  return text !== null && lateFor === 0 && missing[0] !== 1 && ports === null
}

function isLifted({ source, sender }: SuppressionReason, from: string, liftsAll: boolean): boolean {
  const isTheirs = source === 'stop' || source === 'link' || source === 'voice' || liftsAll
  return isTheirs && (sender === undefined || sender === from)
}

/** What is the account's, and what holds for everyone. */
function placesOf(place: Place): Place[] {
  return place.account === EVERY_ACCOUNT ? [place] : [place, { account: EVERY_ACCOUNT, number: place.number }]
}

const DIGITS = /^\+?(\d{3,17})$/

/**
 * Messages are sent to numbers with their country code, and that is how they are answered from; else as at home. Digits that
 * are no number by the plan count as they are: plans change, and a STOP must not be lost. null: letters.
 */
export function numberFrom({ from }: InboundItem, account: AccountRecord | null): number | null {
  const international = parserFor(null, false).parse(from.startsWith('+') ? from : `+${from}`)
  if (international.reason === 0) return international.value
  const home = parserFor(account?.defaultCountry ?? null, true).parse(from)
  if (home.reason === 0) return home.value
  const digits = DIGITS.exec(from)
  return digits === null ? null : Number(digits[1])
}

function alongside(changes: readonly StagedChange[]): Alongside {
  return {
    put() {
      for (const change of changes) change.put()
    },
    durable() {
      for (const change of changes) change.durable()
    },
  }
}
