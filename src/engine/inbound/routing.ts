/**
 * Whom a subscriber's message is for. In this order: the conversation lock, unless a keyword that overrides it is the first
 * word; a keyword; the number that it was sent to; the account that the carrier names. Main thread, once a message.
 */
import type { AccountRecord } from '../accounts/account-record.js'
import { looseFit, looseNumber, looseSender, looseTail, type NumberFit } from '../base/loose-number.js'
import type { InboundKeyword, InboundRules } from '../contract/inbound.js'
import { blockOf, type MessageRef } from '../contract/message.js'
import { wordsOf } from '../opt-out/keyword-finder.js'
import type { BlockReader } from '../store/block.js'
import type { TalkedTo } from '../store/inbound-record.js'
import type { InboundItem, Replied } from '../store/inbound-store.js'

export interface RoutingDeps {
  /** Those that own numbers or keywords. */
  accounts(): Iterable<AccountRecord>
  /** null: deleted. */
  account(number: number): AccountRecord | null
  /** Number of the account of this id; undefined: there is none. */
  find(id: string): number | undefined
  /** null: gone, or damaged. */
  block(block: number): BlockReader | null
}

/** When it came, and what the dispatcher found then that it may answer. */
export interface Came {
  atMs: number
  talkedTo: TalkedTo | null
  /** Id of the account that gets what else comes through its carrier; null: none does. */
  carrierAccount: string | null
}

export type Routed = Pick<InboundItem, 'account' | 'reason'> & { replied: Replied | null }

export class Routing {
  readonly #deps: RoutingDeps
  /** Changed rules are a new object. */
  readonly #compiled = new WeakMap<InboundRules, CompiledRules>()

  constructor(deps: RoutingDeps) {
    this.#deps = deps
  }

  /** `item`: as it will be listed, its routing aside. */
  route(item: InboundItem, { atMs, talkedTo, carrierAccount }: Came): Routed {
    const replied = talkedTo === null ? null : this.#replied(talkedTo)
    if (item.pressed === true)
      return { account: replied?.account ?? null, reason: replied === null ? 'UNROUTED' : 'CALLED', replied }
    const to = looseNumber(item.destination.address, item.destination.ton)
    const byKeyword = this.#byKeyword(to, firstWordOf(item))
    const isLocked = replied !== null && atMs < replied.untilMs
    if (isLocked && byKeyword?.rule.overridesLock !== true)
      return { account: replied.account, reason: 'CONVERSATION_LOCK', replied }
    if (byKeyword !== null) return { account: byKeyword.account, reason: 'KEYWORD', replied }
    const owner = this.#owner(to)
    if (owner !== null) return { account: owner, reason: 'NUMBER', replied }
    const byCarrier = carrierAccount === null ? undefined : this.#deps.find(carrierAccount)
    if (byCarrier !== undefined) return { account: byCarrier, reason: 'CARRIER_DEFAULT', replied }
    return { account: null, reason: replied === null ? 'UNROUTED' : 'LOCK_EXPIRED', replied }
  }

  /** With its job; null: the message or its account is there no more. */
  #replied(talkedTo: TalkedTo): Replied | null {
    const { ref, account, sentAtMs, untilMs } = talkedTo
    const block = this.#deps.block(blockOf(ref as MessageRef))
    if (block === null || block.account !== account || this.#deps.account(account) === null) return null
    return { ref, account, sentAtMs, untilMs, job: block.range === null ? 0 : block.job }
  }

  /** A keyword of the number goes before one of any number. */
  #byKeyword(to: number, word: string): { account: number; rule: InboundKeyword } | null {
    if (word === '') return null
    let best: { account: number; rule: InboundKeyword } | null = null
    for (const { number, inbound } of this.#deps.accounts()) {
      for (const rule of this.#rules(inbound).keywords.get(word) ?? []) {
        const isOwn = rule.number !== null
        if (isOwn && looseFit(looseSender(rule.number!), to) === 0) continue
        if (best === null || (isOwn && best.rule.number === null)) best = { account: number, rule }
      }
    }
    return best
  }

  /** The full number goes before one that only ends alike. */
  #owner(to: number): number | null {
    if (to === 0) return null
    let best: NumberFit = 0
    let owner: number | null = null
    for (const { number, inbound } of this.#deps.accounts()) {
      for (const owned of this.#rules(inbound).numbers.get(looseTail(to)) ?? []) {
        const fit = looseFit(owned, to)
        if (fit <= best) continue
        best = fit
        owner = number
      }
    }
    return owner
  }

  #rules(inbound: InboundRules): CompiledRules {
    let compiled = this.#compiled.get(inbound)
    if (compiled === undefined) {
      compiled = compile(inbound)
      this.#compiled.set(inbound, compiled)
    }
    return compiled
  }
}

interface CompiledRules {
  keywords: Map<string, InboundKeyword[]>
  /** By the tail that all ways of writing a number have in common. */
  numbers: Map<number, number[]>
}

function compile({ keywords, numbers }: InboundRules): CompiledRules {
  const compiled: CompiledRules = { keywords: new Map(), numbers: new Map() }
  for (const rule of keywords) {
    const [word] = wordsOf(rule.keyword)
    if (word !== undefined) compiled.keywords.set(word, [...(compiled.keywords.get(word) ?? []), rule])
  }
  for (const text of numbers) {
    const number = looseSender(text)
    const tail = looseTail(number)
    compiled.numbers.set(tail, [...(compiled.numbers.get(tail) ?? []), number])
  }
  return compiled
}

/** '' where the beginning of the text did not come, or is no text. */
function firstWordOf({ text, missing }: InboundItem): string {
  return text === null || missing.includes(1) ? '' : (wordsOf(text)[0] ?? '')
}
