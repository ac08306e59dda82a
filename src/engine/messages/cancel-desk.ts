/** Cancels a message that waits: the dispatcher alone changes states, and says whether it still could. Main thread. */
import type { Askers } from '../accounts/askers.js'
import type { Audit } from '../audit/audit.js'
import type { MessageView, Principal } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import { jobId } from '../contract/ids.js'
import type { JobBook } from '../jobs/job-book.js'
import type { JobRecord } from '../jobs/job-record.js'
import type { MessageReader } from './message-reader.js'

export interface CancelDeps {
  askers: Askers
  audit: Audit
  book: JobBook
  reader: MessageReader
  /** How many of them waited; they are canceled durably. */
  cancel(refs: number[]): Promise<number>
}

export class CancelDesk {
  readonly #deps: CancelDeps

  constructor(deps: CancelDeps) {
    this.#deps = deps
  }

  /** Idempotent. @throws EngineError NOT_FOUND; WRONG_STATE: it was handed over, or has ended in another way. */
  async cancel(principal: Principal, id: string): Promise<MessageView> {
    const { askers, audit, book, cancel, reader } = this.#deps
    const asker = askers.number(principal)
    const { ref, job } = reader.locate(asker, id)
    const record = book.get(job)!
    requireReleased(record)
    const canceled = await cancel([ref])
    const view = await reader.message(asker, id)
    if (canceled === 0) requireCanceled(view)
    else {
      const account = { number: record.account, id: record.accountId }
      await audit.write([], { principal, action: 'message.cancel', object: `message/${id}`, account })
    }
    return view
  }
}

/** @throws EngineError WRONG_STATE. */
function requireReleased(record: JobRecord): void {
  if (record.singles || record.released) return
  throw new EngineError('WRONG_STATE', `Its job ${jobId(record.job)} has not begun; cancel the job.`)
}

/** @throws EngineError WRONG_STATE. */
function requireCanceled({ state }: MessageView): void {
  if (state === 'canceled') return
  const why = state === 'queued' || state === 'sending' ? 'a carrier has it, or a part of it' : 'it waits no more'
  throw new EngineError('WRONG_STATE', `The message is ${state}: ${why}, so that it cannot be canceled.`)
}
