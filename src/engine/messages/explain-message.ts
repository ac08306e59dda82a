/**
 * Answers `GET /v1/messages/:id/explain`: what `GET /v1/explain` says of its number, text, route and price, as it was
 * accepted, and what it waits for at this moment. Main thread; once a question.
 */
import { readCarrierStatus } from '../base/carrier-status.js'
import { amountOf } from '../base/money.js'
import type { MessageView } from '../contract/api.js'
import type { ExplainView } from '../contract/explain.js'
import { messageId, parseMessageId } from '../contract/ids.js'
import { type MessageRef, placeOf, type StateName } from '../contract/message.js'
import { type MessageExplainView, WAIT_REASONS, type Wait, type WaitCode, type WaitView } from '../contract/waits.js'
import type { JobRecord } from '../jobs/job-record.js'
import type { BlockReader } from '../store/block.js'
import type { ComposeAccount } from './compose.js'
import type { Explainer } from './explain.js'
import { nobody } from './explain-asker.js'
import type { MessageReader } from './message-reader.js'

/** Answers are put together from two looks; between them the message may have gone on. */
const LOOKS = 3
const FINAL: readonly StateName[] = ['delivered', 'undelivered', 'failed', 'expired', 'canceled']
const UNSENT: readonly StateName[] = ['queued', 'scheduled', 'sending']

export interface MessageExplainerDeps {
  reader: MessageReader
  explainer: Explainer
  /** What the dispatcher says. */
  waits(ref: number): Promise<Wait[]>
  job(job: number): JobRecord | null
  /** null once it was deleted. */
  account(number: number): (ComposeAccount & { suspended: boolean }) | null
  statusName(status: number): string | undefined
}

export class MessageExplainer {
  readonly #deps: MessageExplainerDeps

  constructor(deps: MessageExplainerDeps) {
    this.#deps = deps
  }

  /** `account`: number of the asking account, null for an admin. @throws EngineError NOT_FOUND. */
  async explain(account: number | null, id: string): Promise<MessageExplainView> {
    const { reader, job } = this.#deps
    const { view, waits } = await this.#look(account, id)
    const ref = parseMessageId(id)!
    const block = reader.block(ref)!
    const record = job(block.job)
    const explained = await this.#explainContent(view, block, record)
    const all = this.#ownWaits(view, { waits, record, block, isSuppressed: explained.suppressed === true })
    return {
      ...explained,
      ...asAccepted(view, block, ref),
      id: view.id,
      job: view.job,
      state: view.state,
      reason: view.reason,
      isFinal: FINAL.includes(view.state) || (view.state === 'sent' && all.length === 0),
      waits: all.map((wait) => this.#view(wait)),
    }
  }

  /** The message and its waits, of one moment as far as can be seen. */
  async #look(account: number | null, id: string): Promise<{ view: MessageView; waits: Wait[] }> {
    const { reader } = this.#deps
    let view = await reader.message(account, id)
    let waits: Wait[] = []
    for (let look = 0; look < LOOKS; look++) {
      if (FINAL.includes(view.state)) return { view, waits: [] }
      waits = await this.#deps.waits(parseMessageId(id)!)
      view = await reader.message(account, id)
      if (fits(view.state, waits[0]?.code)) break
    }
    return { view, waits: FINAL.includes(view.state) ? [] : waits }
  }

  async #explainContent(view: MessageView, block: BlockReader, record: JobRecord | null): Promise<ExplainView> {
    const account = this.#deps.account(block.account) ?? nobody()
    const job = record === null || record.singles ? null : record
    const text = view.data === null ? view.text : undefined
    const question = { to: view.to, text, from: view.from === '' ? undefined : view.from, channel: view.channel }
    return await this.#deps.explainer.explain({ account, job }, question, block.route)
  }

  /** What the dispatcher was not told, or cannot tell apart. */
  #ownWaits(view: MessageView, found: Found): Wait[] {
    const { record, block, isSuppressed } = found
    if (!UNSENT.includes(view.state)) return found.waits
    if (record !== null && !record.singles && !record.released) return [{ code: 'JOB_NOT_RELEASED' }]
    const isSuspended = this.#deps.account(block.account)?.suspended === true
    const isPaused = record?.state === 'paused'
    const waits = found.waits.filter(({ code }) => code !== 'JOB_PAUSED' || isPaused || !isSuspended)
    if (isSuspended) waits.unshift({ code: 'ACCOUNT_SUSPENDED' })
    if (isSuppressed) waits.unshift({ code: 'SUPPRESSED' })
    return waits
  }

  #view({ code, sinceMs, untilMs, error, behind, status, ...rest }: Wait): WaitView {
    const view: WaitView = { code, detail: WAIT_REASONS[code], since: time(sinceMs), until: time(untilMs), ...rest }
    if (error !== undefined) view.lastError = error
    if (behind !== undefined) view.behind = messageId(behind as MessageRef)
    if (status === undefined) return view
    const own = readCarrierStatus(status)
    view.status = own?.code ?? status
    view.statusName = own?.name ?? this.#deps.statusName(status)
    return view
  }
}

interface Found {
  waits: Wait[]
  record: JobRecord | null
  block: BlockReader
  isSuppressed: boolean
}

/** True: the two looks tell of one state. */
function fits(state: StateName, first: WaitCode | undefined): boolean {
  if (first === 'AWAITING_RECEIPT') return state === 'sent'
  if (first === 'UNKNOWN_HELD') return state === 'unknown'
  if (first === 'WITH_CARRIER') return state === 'sending'
  return first === undefined || UNSENT.includes(state)
}

/** What was decided when it was accepted stands, whatever settings say by now. */
function asAccepted(view: MessageView, block: BlockReader, ref: MessageRef): Partial<ExplainView> {
  const { encoding, parts } = view
  const kind = block.kinds()?.[block.kindOf(placeOf(ref))]
  if (kind === undefined) return { encoding, parts }
  const partPrice = kind.partPrice === null ? null : amountOf(kind.partPrice)
  const price = kind.partPrice === null ? null : amountOf(kind.partPrice * parts)
  return { encoding, parts, partPrice, price }
}

function time(ms: number | undefined): string | null {
  return ms === undefined || !Number.isFinite(ms) ? null : new Date(ms).toISOString()
}
