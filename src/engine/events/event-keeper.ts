/**
 * Makes, changes and cancels an event together with its messages, so that a kill at any moment leaves neither both versions
 * of a message nor none. Main thread.
 *
 * A new event is one transaction: the record, and what is made of it. A change is three steps, each of which may be done
 * again: the record says what is to come (`next`) and is listed as unfinished; the dispatcher cancels what was made of the
 * version before, durably; one transaction puts the new version and its messages in the place of the old one. What the
 * dispatcher was handing over at that moment may still come back (throttled, a carrier gone): `chase` names it, and it is
 * canceled when it does.
 */

import type { AccountRecord } from '../accounts/account-record.js'
import { crashPoint } from '../base/crash-point.js'
import type { MessageAccepted, MessageRequest } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import { parseMessageId } from '../contract/ids.js'
import type { StateName } from '../contract/message.js'
import { MESSAGES_PER_EVENT } from '../contract/rule-events.js'
import type { RuleEventWrite } from '../contract/store.js'
import type { SingleKind } from '../messages/single-jobs.js'
import type { Clients } from './event-client.js'
import { type Planned, planOf } from './event-plan.js'
import { type EventChange, type EventRecord, endOf, type StoredOutcome } from './event-record.js'
import type { EventStore } from './event-store.js'
import type { Rules } from './rules.js'

/** Messages of earlier versions that a record keeps. */
const EARLIER_KEPT = 100

export interface Placing {
  kinds: readonly SingleKind[]
  /** What is durable with the messages, given what became of them. */
  notes(answers: MessageAccepted[]): RuleEventWrite[]
}

export interface KeeperDeps {
  store: EventStore
  rules: Rules
  clients: Clients
  /** Templates filled; each is refused by itself. Resolves when all of it is durable. */
  place(account: AccountRecord, messages: MessageRequest[], placing: Placing): Promise<MessageAccepted[]>
  /** Durable when it resolves. */
  write(writes: RuleEventWrite[]): Promise<void>
  /** Cancels what still can be; durable when it resolves. */
  cancel(refs: number[]): Promise<unknown>
  /** Of messages, by ref; what is gone is left out. */
  states(refs: readonly number[]): Promise<Map<number, StateName>>
}

/** An event as it is now, with the states of messages that were made just now. */
export interface Kept {
  record: EventRecord
  states: Map<number, StateName>
}

export class EventKeeper {
  readonly #deps: KeeperDeps

  constructor(deps: KeeperDeps) {
    this.#deps = deps
  }

  /** All of it is called in the turn of the event. @throws EngineError VALIDATION: rules would make too many messages. */
  async create(account: AccountRecord, record: EventRecord): Promise<Kept> {
    return await this.#put(account, record, { before: null, chase: [] })
  }

  /** @throws EngineError VALIDATION as `create`, SHUTTING_DOWN: it is done at the next start. */
  async change(account: AccountRecord, before: EventRecord, next: EventChange): Promise<Kept> {
    if (next.content !== null) this.#plan(account, { ...before, content: next.content, knownMs: next.knownMs })
    const announced = { ...before, next }
    await this.#deps.write(this.#deps.store.writes(account.number, announced, before))
    crashPoint('event-announced')
    return await this.finish(account, announced)
  }

  /** Carries a change out that was announced. */
  async finish(account: AccountRecord, announced: EventRecord): Promise<Kept> {
    const { content, knownMs } = announced.next!
    const { handed, chase } = await this.#cancel(announced)
    const earlier = [...announced.earlier, ...handed].slice(-EARLIER_KEPT)
    const common = { ...announced, next: null, knownMs, version: announced.version + 1 }
    if (content !== null) {
      const record = { ...common, content, canceled: false, earlier, outcomes: [] }
      return await this.#put(account, record, { before: announced, chase })
    }
    // What was made stays with a canceled event: it shows what became of it.
    const record = { ...common, canceled: true, chase }
    return await this.#write(account, record, announced)
  }

  /** Cancels what came back since; what is still under way is looked at again later. */
  async chase(account: AccountRecord, before: EventRecord): Promise<void> {
    await this.#deps.cancel(before.chase)
    const states = await this.#deps.states(before.chase)
    const left = before.chase.filter((ref) => mayComeBack(states.get(ref)))
    if (left.length < before.chase.length) await this.#write(account, { ...before, chase: left }, before)
  }

  /** Its messages stay what they are. */
  async forget(account: number, record: EventRecord): Promise<void> {
    await this.#deps.write(this.#deps.store.removal(account, record))
  }

  async #write(account: AccountRecord, record: EventRecord, before: EventRecord): Promise<Kept> {
    record.endsSeconds = endOf(record)
    await this.#deps.write(this.#deps.store.writes(account.number, record, before))
    return { record, states: new Map() }
  }

  /** What of the present version could not be canceled, and what of that may come back. */
  async #cancel({ outcomes, chase }: EventRecord): Promise<{ handed: StoredOutcome[]; chase: number[] }> {
    const refs = [...chase, ...outcomes.flatMap(({ ref }) => (ref === null ? [] : [ref]))]
    if (refs.length === 0) return { handed: [], chase: [] }
    await this.#deps.cancel(refs)
    crashPoint('event-cleared')
    const states = await this.#deps.states(refs)
    const handed = outcomes.filter(({ ref }) => ref !== null && states.get(ref) !== 'canceled')
    return { handed, chase: refs.filter((ref) => mayComeBack(states.get(ref))) }
  }

  #plan(account: AccountRecord, record: EventRecord): Planned[] {
    const { clients, rules } = this.#deps
    const about = rules.about(account.number, record.content.type)
    const planned = planOf(about, {
      ...record,
      timeZone: account.timeZone,
      requireOptIn: account.requireOptIn,
      client: clients.find(account, record.content.to),
      canonical: (number) => clients.canonical(account, number),
      channelOf: (number) => clients.channelOf(account, number),
      handed: record.earlier,
    })
    if (planned.length <= MESSAGES_PER_EVENT) return planned
    const message = `has rules that make ${planned.length} messages of it; at most ${MESSAGES_PER_EVENT} may be made`
    throw new EngineError('VALIDATION', `The type ${message}.`, { fields: [{ pointer: '/type', message }] })
  }

  /** The record and its messages in one transaction. */
  async #put(
    account: AccountRecord,
    record: EventRecord,
    { before, chase }: { before: EventRecord | null; chase: number[] },
  ): Promise<Kept> {
    const planned = record.canceled ? [] : this.#plan(account, record)
    record.outcomes = planned.map(({ outcome }) => outcome)
    // What stands in the place of a message that was being handed over must not be made beside it.
    record.chase = chase.filter((ref) => !isKept(record, ref))
    const asked = planned.filter(({ request }) => request !== null)
    const states = new Map<number, StateName>()
    await this.#deps.place(
      account,
      asked.map(({ request }) => request!),
      {
        kinds: asked.map(({ kind }) => kind),
        notes: (answers) => {
          answers.forEach((answer, index) => {
            settle(asked[index]!.outcome, answer)
            const { ref } = asked[index]!.outcome
            if (ref !== null) states.set(ref, answer.state as StateName)
          })
          record.endsSeconds = endOf(record)
          return this.#deps.store.writes(account.number, record, before)
        },
      },
    )
    crashPoint('event-replaced')
    return { record, states }
  }
}

/** It is not over with this message: it may wait again. */
function mayComeBack(state: StateName | undefined): boolean {
  return state === 'sending' || state === 'queued' || state === 'scheduled'
}

/** Nothing is made in the place of the message of an earlier version: it is to be sent, if it still can be. */
function isKept({ earlier, outcomes }: EventRecord, ref: number): boolean {
  const old = earlier.find((one) => one.ref === ref)
  if (old === undefined) return false
  return outcomes.some(
    ({ reason, ...now }) =>
      reason === 'ALREADY_SENT' &&
      now.rule === old.rule &&
      now.nominalMs === old.nominalMs &&
      now.channel === old.channel &&
      now.recipient === old.recipient,
  )
}

function settle(outcome: StoredOutcome, { id, to, reason, detail }: MessageAccepted): void {
  if (id === null) {
    Object.assign(outcome, { reason: reason ?? null, detail: detail ?? null, dueMs: null })
    return
  }
  outcome.ref = parseMessageId(id)
  outcome.recipient = to
}
