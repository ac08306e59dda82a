/** POST /v1/messages: composes, stores in a group commit, answers with ids. Main thread. */
import type { DryRunView, MessageAccepted, MessageRequest } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import { messageId } from '../contract/ids.js'
import { limits } from '../contract/limits.js'
import type { Note } from '../contract/store.js'
import type { ComposeAccount, Composer, Verdict } from './compose.js'
import { DryRun } from './dry-run.js'
import type { GroupCommit } from './group-commit.js'
import type { SingleJobs } from './single-jobs.js'

export interface SubmitDeps {
  composer: Composer
  jobs: SingleJobs
  commits: GroupCommit
  clock: Clock
  /** What must become durable with the messages of this call, given its answer; null: nothing. */
  noteFor(answer: MessageAccepted[]): Note | null
}

export class Submitter {
  readonly #deps: SubmitDeps

  constructor(deps: SubmitDeps) {
    this.#deps = deps
  }

  preview(account: ComposeAccount, messages: MessageRequest[]): DryRunView {
    const nowMs = this.#deps.clock.now()
    const run = new DryRun(account)
    const verdicts = messages.map((message) => {
      const verdict = this.#deps.composer.compose(account, message, nowMs)
      run.add(message, verdict)
      return verdict.answer
    })
    refuseWhenOff(verdicts)
    return run.view()
  }

  /** Resolves when every accepted one is durable; refused ones carry their reason. */
  async submit(account: ComposeAccount, messages: MessageRequest[]): Promise<MessageAccepted[]> {
    if (messages.length > limits.messagesPerRequest) {
      throw new EngineError('TOO_LARGE', `At most ${limits.messagesPerRequest} messages fit a request; make a job.`)
    }
    const jobs = new Map<string, number>()
    for (const { priority = 'normal' } of messages) {
      if (!jobs.has(priority)) jobs.set(priority, await this.#deps.jobs.job(account, priority))
    }
    // From here to commit() nothing waits: the blocks of this call belong to one batch.
    const nowMs = this.#deps.clock.now()
    const answers = messages.map((message) => {
      const verdict = this.#deps.composer.compose(account, message, nowMs)
      return this.#store(account, verdict, { jobs, nowMs, clientReference: message.clientReference })
    })
    refuseWhenOff(answers)
    if (answers.some((answer) => answer.id !== null)) await this.#deps.commits.commit(this.#deps.noteFor(answers))
    return answers
  }

  #store(
    account: ComposeAccount,
    { answer, composed }: Verdict,
    { jobs, nowMs, clientReference }: { jobs: Map<string, number>; nowMs: number; clientReference?: string },
  ): MessageAccepted {
    if (composed === null) return answer
    const head = {
      job: jobs.get(composed.priority)!,
      account: account.number,
      route: composed.route.route,
      from: composed.from,
      fields: composed.fields,
      createdSeconds: Math.floor(nowMs / 1000),
      range: null,
    }
    const ref = this.#deps.commits.add(head, composed.record)
    if (clientReference !== undefined) this.#deps.commits.addExtras(head, ref, { clientReference })
    answer.id = messageId(ref)
    return answer
  }
}

/** Where some messages need a channel that is on they go, and the others say why not. @throws EngineError FEATURE_OFF. */
function refuseWhenOff(answers: readonly MessageAccepted[]): void {
  if (answers.length === 0 || answers.some(({ reason }) => reason !== 'FEATURE_OFF')) return
  const channels = [...new Set(answers.map(({ channel }) => channel))].join(', ')
  throw new EngineError('FEATURE_OFF', `switched off for this account: ${channels}`)
}
