/**
 * What an operator or customer says of messages whose end is unknown: handed to the dispatcher, which alone changes states.
 * A message that is to be sent again opens its job again, should that have ended. Main thread.
 */
import type { Askers } from '../accounts/askers.js'
import type { Idempotency } from '../accounts/idempotency.js'
import { answerWrites } from '../accounts/kept-answers.js'
import type { Audit } from '../audit/audit.js'
import type { JobView, MessageView, Principal } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import { jobId } from '../contract/ids.js'
import type { JobDispatch } from '../contract/lane.js'
import { type MessageRef, messageRef, STATE } from '../contract/message.js'
import type { RetriesApi, RetryState, SettledView, SettleState } from '../contract/retry.js'
import type { SettleTask } from '../contract/thread.js'
import type { JobBook } from '../jobs/job-book.js'
import type { JobRecord } from '../jobs/job-record.js'
import type { Jobs } from '../jobs/jobs.js'
import { BLOCKS_PER_REQUEST, type MessageReader } from './message-reader.js'

export interface SettleDeps {
  askers: Askers
  audit: Audit
  idempotency: Idempotency
  jobs: Jobs
  book: JobBook
  reader: MessageReader
  /** What the dispatcher is told of a job. */
  dispatchOf(record: JobRecord): JobDispatch
  /** How many were unknown and are settled durably. */
  settle(task: SettleTask): Promise<number>
  blocksOf(job: number): readonly number[]
}

/** The state that a message gets. */
function stateOf(to: SettleState): number {
  return to === 'resend' ? STATE.queued : STATE[to]
}

function nameOf(principal: Principal): string {
  return principal.kind === 'admin' ? 'admin' : principal.key
}

/** @throws EngineError WRONG_STATE. */
function requireUnknown({ state }: MessageView): void {
  if (state !== 'unknown')
    throw new EngineError('WRONG_STATE', `The message is ${state}; only an unknown one is settled.`)
}

export class SettleDesk implements RetriesApi {
  readonly #deps: SettleDeps

  constructor(deps: SettleDeps) {
    this.#deps = deps
  }

  async retry(principal: Principal, id: string, states: readonly RetryState[]): Promise<JobView> {
    const { askers, audit, idempotency, jobs } = this.#deps
    const account = askers.sender(principal)
    const source = jobs.find(account.number, id)
    this.#requireAny(source, states)
    const running = idempotency.current
    const record = await jobs.retries.retry({
      account,
      source,
      states,
      beside: (made) => {
        const object = `job/${jobId(made.job)}`
        const entry = audit.recordWrites({ principal, action: 'job.retry', object, account, after: made.retry })
        if (running === null) return entry
        Object.assign(running.kept, { job: made.job, needsFile: false })
        return [...entry, ...answerWrites(running.account, running.key, running.kept)]
      },
    })
    return jobs.view(record)
  }

  /** Of a cancel that the dispatcher has not carried out yet the counts say nothing. */
  #requireAny(source: JobRecord, states: readonly RetryState[]): void {
    const counts = this.#deps.jobs.counts(source)
    if (!source.closed || states.some((state) => counts[state] > 0)) return
    throw new EngineError('WRONG_STATE', `The job has no message that is ${states.join(' or ')}.`)
  }

  async settleMessage(principal: Principal, id: string, to: SettleState): Promise<MessageView> {
    const { askers, reader } = this.#deps
    const asker = askers.number(principal)
    const { ref, job } = reader.locate(asker, id)
    const record = this.#deps.book.get(job)!
    requireUnknown(await reader.message(asker, id))
    const settled = await this.#settle(principal, record, { refs: [ref], to })
    const view = await reader.message(asker, id)
    if (settled === 0) requireUnknown(view)
    await this.#audit(principal, record, { action: 'message.settle', object: `message/${id}`, after: { to } })
    return view
  }

  async settleJob(principal: Principal, id: string, to: SettleState): Promise<SettledView> {
    const { askers, jobs, blocksOf } = this.#deps
    const record = jobs.find(askers.number(principal), id)
    const blocks = blocksOf(record.job)
    let settled = 0
    for (let at = 0; at < blocks.length; at += BLOCKS_PER_REQUEST) {
      const refs = await this.#unknown(blocks.slice(at, at + BLOCKS_PER_REQUEST))
      if (refs.length > 0) settled += await this.#settle(principal, record, { refs, to })
    }
    await this.#audit(principal, record, { action: 'job.settle', object: `job/${id}`, after: { to, settled } })
    return { settled, job: jobs.view(record) }
  }

  async #unknown(blocks: number[]): Promise<MessageRef[]> {
    const refs: MessageRef[] = []
    for (const { block, state } of await this.#deps.reader.sources(blocks)) {
      state?.states.forEach((value, place) => {
        if (value === STATE.unknown) refs.push(messageRef(block, place))
      })
    }
    return refs
  }

  async #settle(principal: Principal, record: JobRecord, { refs, to }: { refs: number[]; to: SettleState }) {
    const task = { refs, to: stateOf(to), by: nameOf(principal), job: null }
    if (to !== 'resend') return await this.#deps.settle(task)
    const job = this.#deps.dispatchOf(await this.#open(record.job))
    const settled = await this.#deps.settle({ ...task, job })
    // The dispatcher may have called the job finished while it was being told.
    if (settled > 0) await this.#open(record.job)
    return settled
  }

  /** The job as one that goes on. @throws EngineError WRONG_STATE: it was canceled. */
  async #open(job: number): Promise<JobRecord> {
    return await this.#deps.book.update(job, (record) => {
      if (record.state === 'canceled') throw new EngineError('WRONG_STATE', 'The job was canceled; retry it instead.')
      return record.closed ? { closed: false, state: 'running', finishedAtMs: null } : null
    })
  }

  async #audit(
    principal: Principal,
    { account, accountId }: JobRecord,
    said: { action: string; object: string; after: object },
  ): Promise<void> {
    await this.#deps.audit.write([], { principal, account: { number: account, id: accountId }, ...said })
  }
}
