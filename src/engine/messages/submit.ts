/** POST /v1/messages: composes, stores in a group commit, answers with ids. Main thread. */
import type { DryRunView, MessageAccepted, MessageRequest } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import type { MessageCallback } from '../contract/extras.js'
import { messageId } from '../contract/ids.js'
import { limits } from '../contract/limits.js'
import type { BesideMessages, Note } from '../contract/store.js'
import { Demand } from '../money/demand.js'
import type { Money } from '../money/money.js'
import { quotaPrefix } from '../money/quotas.js'
import type { BlockHead } from '../store/block.js'
import type { ComposeAccount, Composed, Composer, Verdict } from './compose.js'
import { DryRun } from './dry-run.js'
import type { GroupCommit } from './group-commit.js'
import { KeptRecords } from './kept-records.js'
import type { SingleJobs, SingleKind } from './single-jobs.js'
import type { FilledMessage } from './template-text.js'

export interface SubmitDeps {
  composer: Composer
  jobs: SingleJobs
  commits: GroupCommit
  clock: Clock
  money: Pick<Money, 'take' | 'refusal'>
  /** Resolves when reports of a single message find their way. @throws EngineError VALIDATION. */
  callback(account: { number: number; id: string }, callback: MessageCallback): Promise<void>
  /** What must become durable with the messages of this call, given its answer; null: nothing. */
  noteFor(answer: MessageAccepted[]): Note | null
}

export class Submitter {
  readonly #deps: SubmitDeps
  readonly #kept = new KeptRecords()
  /** Of the message before: those of a request mostly go into the same block. */
  #head: BlockHead | null = null

  constructor(deps: SubmitDeps) {
    this.#deps = deps
  }

  preview(account: ComposeAccount, messages: MessageRequest[]): DryRunView {
    const { clock, composer, money } = this.#deps
    const nowMs = clock.now()
    const run = new DryRun(account)
    const verdicts = messages.map((message) => {
      const verdict = composer.compose(account, message, nowMs)
      run.add(message, verdict)
      return verdict
    })
    refuseWhenOff(verdicts)
    return { ...run.view(), refusal: money.refusal(account, demandOf(account, verdicts)) }
  }

  /** @throws EngineError OVERLOADED: more waits for the disk than should. */
  requireRoom(): void {
    this.#deps.commits.requireRoom()
  }

  /**
   * Resolves when every accepted one is durable; refused ones carry their reason.
   * @throws EngineError OVERLOADED, INSUFFICIENT_BALANCE, QUOTA_EXCEEDED: of the whole call nothing is stored.
   */
  async submit(account: ComposeAccount, messages: MessageRequest[]): Promise<MessageAccepted[]> {
    if (messages.length > limits.messagesPerRequest) {
      throw new EngineError('TOO_LARGE', `At most ${limits.messagesPerRequest} messages fit a request; make a job.`)
    }
    this.requireRoom()
    for (const { callback } of messages) if (callback !== undefined) await this.#deps.callback(account, callback)
    const jobs = new Map<string, number>()
    for (const { priority = 'normal' } of messages) {
      if (!jobs.has(priority)) jobs.set(priority, await this.#deps.jobs.job(account, priority))
    }
    // From here to commit() nothing waits: the blocks of this call belong to one batch.
    const nowMs = this.#deps.clock.now()
    const verdicts = this.#composed(account, messages, nowMs)
    refuseWhenOff(verdicts)
    const demand = demandOf(account, verdicts)
    if (demand.messages === 0) return verdicts.map(({ answer }) => answer)
    const day = this.#deps.money.take(account, demand)
    const answers = verdicts.map((verdict, index) =>
      this.#store(account, verdict, { job: jobOf(jobs, verdict), nowMs, day, message: messages[index]! }),
    )
    const note = this.#deps.noteFor(answers)
    await this.#deps.commits.commit(note === null ? [] : [note])
    return answers
  }

  /**
   * Messages that something else than a request makes: what the account cannot pay for or may not send is refused message by
   * message, and `notes` are durable with those that are accepted, also if none is. Resolves when all of it is durable.
   */
  async place(
    account: ComposeAccount,
    messages: FilledMessage[],
    { kinds, notes }: { kinds: readonly SingleKind[]; notes(answers: MessageAccepted[]): BesideMessages[] },
  ): Promise<MessageAccepted[]> {
    const jobs = new Map<string, number>()
    for (const kind of kinds) if (!jobs.has(kind)) jobs.set(kind, await this.#deps.jobs.job(account, kind))
    // From here to commit() nothing waits: the blocks of this call belong to one batch.
    const nowMs = this.#deps.clock.now()
    const verdicts = this.#composed(account, messages, nowMs)
    const demand = this.#affordable(account, verdicts)
    const day = demand.messages === 0 ? 0 : this.#deps.money.take(account, demand)
    const answers = verdicts.map((verdict, index) =>
      this.#store(account, verdict, { job: jobs.get(kinds[index]!)!, nowMs, day, message: messages[index]! }),
    )
    await this.#deps.commits.commit(notes(answers))
    return answers
  }

  /** Nothing waits here. Records of several messages are kept until all of them are decided on. */
  #composed(account: ComposeAccount, messages: readonly FilledMessage[], nowMs: number): Verdict[] {
    this.#kept.begin()
    return messages.map((message) => {
      const verdict = this.#deps.composer.compose(account, message, nowMs)
      if (messages.length > 1 && verdict.composed !== null) this.#kept.keep(verdict.composed.record)
      return verdict
    })
  }

  /** What comes to too much is refused, each message by itself. */
  #affordable(account: ComposeAccount, verdicts: Verdict[]): Demand {
    const taken: Verdict[] = []
    for (const [index, verdict] of verdicts.entries()) {
      if (verdict.composed === null) continue
      const refusal = this.#deps.money.refusal(account, demandOf(account, [...taken, verdict]))
      if (refusal === null) taken.push(verdict)
      else {
        const { code: reason, detail } = refusal
        verdicts[index] = { answer: { ...verdict.answer, state: 'rejected', reason, detail }, composed: null }
      }
    }
    return demandOf(account, taken)
  }

  #store(
    account: ComposeAccount,
    { answer, composed }: Verdict,
    { job, nowMs, day, message }: { job: number; nowMs: number; day: number; message: MessageRequest },
  ): MessageAccepted {
    if (composed === null) return answer
    const createdSeconds = Math.floor(nowMs / 1000)
    const head = this.#headOf(composed, { job, account: account.number, createdSeconds, day })
    const ref = this.#deps.commits.add(head, composed.record)
    const { clientReference, callback } = message
    if (clientReference !== undefined || callback !== undefined) {
      this.#deps.commits.addExtras(head, ref, { clientReference, callback })
    }
    answer.id = messageId(ref)
    return answer
  }

  /** The same object as long as nothing in it differs. */
  #headOf({ route: { route }, from, fields, lockSeconds }: Composed, facts: HeadFacts): BlockHead {
    const last = this.#head
    const { job, account, createdSeconds, day } = facts
    const isSameJob = last?.job === job && last.account === account && last.createdSeconds === createdSeconds
    const isSame = isSameJob && last.route === route && last.from === from && last.fields === fields
    if (isSame && last.day === day && last.lockSeconds === lockSeconds) return last
    this.#head = { job, account, route, from, fields, lockSeconds, createdSeconds, day, range: null }
    return this.#head
  }
}

/** Of a message that was refused it is not asked for. */
function jobOf(jobs: ReadonlyMap<string, number>, { composed }: Verdict): number {
  return jobs.get(composed?.priority ?? '') ?? -1
}

/** What of a block's head does not come from the message. */
interface HeadFacts {
  job: number
  account: number
  createdSeconds: number
  day: number
}

/** Where some messages need a channel that is on they go, and the others say why not. @throws EngineError FEATURE_OFF. */
function refuseWhenOff(verdicts: readonly Verdict[]): void {
  if (verdicts.length === 0 || verdicts.some(({ answer }) => answer.reason !== 'FEATURE_OFF')) return
  const channels = [...new Set(verdicts.map(({ answer }) => answer.channel))].join(', ')
  throw new EngineError('FEATURE_OFF', `switched off for this account: ${channels}`)
}

function demandOf(account: ComposeAccount, verdicts: readonly Verdict[]): Demand {
  const demand = new Demand()
  for (const { answer, composed } of verdicts) {
    if (composed === null) continue
    const { country, partPrice, routeDigits } = composed
    demand.add(country, answer.channel, { rows: 1, parts: answer.parts, partPrice })
    demand.countPrefix(quotaPrefix(account.quotas.prefixes, routeDigits), 1)
  }
  return demand
}
