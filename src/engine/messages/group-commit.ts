/**
 * Messages that came one by one, gathered into blocks: all that arrive while a commit is under way share the next one.
 * Main thread.
 */
import { crashPoint } from '../base/crash-point.js'
import { EngineError } from '../contract/errors.js'
import type { MessageExtras, NewExtras } from '../contract/extras.js'
import { limits } from '../contract/limits.js'
import { type MessageRef, messageRef } from '../contract/message.js'
import type { Append, BesideMessages, SealedBlock } from '../contract/store.js'
import { BlockBuilder, type BlockHead, type NewRecord } from '../store/block.js'

/**
 * Messages whose times lie within the same so many seconds share a block: what is claimed for the first of them is due soon,
 * and does not wait in the dispatcher's memory.
 */
const DUE_TOGETHER_SECONDS = 1_800
/** Of a record beside its parts and its recipient, about. */
const RECORD_BYTES = 64
/** Builders kept for reuse: their buffers are the cost of a block. */
const SPARE_BUILDERS = 32

export interface GroupCommitDeps {
  takeBlock(): number
  /** Appends that are to be durable together, with whatever else must be in the same transaction. */
  append(appends: Append[], notes: BesideMessages[]): Promise<void>
  /** The messages are durable: the dispatcher may claim them. */
  appended(job: number, route: number): void
}

interface Filling {
  builder: BlockBuilder
  block: number
}

interface Batch {
  open: Map<string, Filling>
  sealed: SealedBlock[]
  /** By job. */
  extras: Map<number, NewExtras[]>
  notes: BesideMessages[]
  /** Octets of its records, about. */
  bytes: number
  durable: Promise<void>
  resolve(): void
  reject(error: unknown): void
}

export class GroupCommit {
  readonly #deps: GroupCommitDeps
  readonly #spare: BlockBuilder[] = []
  #filling: Batch
  /** Where the last message went: the next one mostly has the same head. */
  #last: { head: BlockHead; due: number; filling: Filling } | null = null
  #isCommitting = false
  /** Octets that are not durable yet. */
  #waitingBytes = 0
  #isScheduled = false

  constructor(deps: GroupCommitDeps) {
    this.#deps = deps
    this.#filling = newBatch()
  }

  /** Where the disk is slower than messages come, memory must not be what gives. @throws EngineError OVERLOADED. */
  requireRoom(): void {
    if (this.#waitingBytes <= limits.commitQueueBytes) return
    const members = { bound: 'commits' }
    throw new EngineError('OVERLOADED', 'Messages wait for the disk; send these again in a moment.', { members })
  }

  /** Ref of the message; it exists for good once `commit` resolves. Call both in the same turn. */
  add(head: BlockHead, record: NewRecord): MessageRef {
    this.#count(record)
    const last = this.#last
    const due = Math.ceil(record.dueSeconds / DUE_TOGETHER_SECONDS)
    if (last !== null && last.head === head && last.due === due && !last.filling.builder.full) {
      return messageRef(last.filling.block, last.filling.builder.add(record))
    }
    const { open, sealed } = this.#filling
    const key = `${head.job} ${head.route} ${head.day ?? 0} ${head.lockSeconds ?? 0} ${due} ${head.from}\0${head.fields ?? ''}`
    let filling = open.get(key)
    if (filling?.builder.full) {
      sealed.push(this.#seal(filling))
      filling = undefined
    }
    if (filling === undefined) {
      filling = { builder: this.#builder(head), block: this.#deps.takeBlock() }
      open.set(key, filling)
    }
    this.#last = { head, due, filling }
    return messageRef(filling.block, filling.builder.add(record))
  }

  #count({ digits, partCount, partLengths }: NewRecord): void {
    let bytes = RECORD_BYTES + digits.length
    for (let part = 0; part < partCount; part++) bytes += partLengths[part]!
    this.#filling.bytes += bytes
    this.#waitingBytes += bytes
  }

  /** Texts of a message that was added in this turn. */
  addExtras({ job, account }: BlockHead, ref: MessageRef, extras: MessageExtras): void {
    const { extras: byJob } = this.#filling
    const known = byJob.get(job)
    const added = { ...extras, ref, account }
    if (known === undefined) byJob.set(job, [added])
    else known.push(added)
  }

  /** Resolves when everything added so far is durable. */
  commit(notes: readonly BesideMessages[]): Promise<void> {
    const batch = this.#filling
    for (const note of notes) batch.notes.push(note)
    if (!this.#isScheduled) {
      this.#isScheduled = true
      setImmediate(() => {
        this.#isScheduled = false
        void this.#pump()
      })
    }
    return batch.durable
  }

  #builder(head: BlockHead): BlockBuilder {
    const spare = this.#spare.pop()
    if (spare === undefined) return new BlockBuilder({ ...head })
    Object.assign(spare.head, { fields: '', day: 0, lockSeconds: 0 }, head)
    return spare
  }

  #seal({ builder, block }: Filling): SealedBlock {
    const sealed = builder.seal(block)
    if (this.#spare.length < SPARE_BUILDERS) this.#spare.push(builder)
    return sealed
  }

  async #pump(): Promise<void> {
    if (this.#isCommitting) return
    this.#isCommitting = true
    try {
      while (this.#filling.open.size > 0 || this.#filling.notes.length > 0) {
        const batch = this.#filling
        this.#filling = newBatch()
        this.#last = null
        for (const filling of batch.open.values()) batch.sealed.push(this.#seal(filling))
        await this.#commit(batch)
      }
    } finally {
      this.#isCommitting = false
    }
  }

  async #commit(batch: Batch): Promise<void> {
    try {
      await this.#deps.append(appendsOf(batch), batch.notes)
    } catch (error) {
      batch.reject(error)
      return
    } finally {
      this.#waitingBytes -= batch.bytes
    }
    crashPoint('messages-stored')
    const told = new Set<string>()
    for (const { job, route } of batch.sealed) {
      if (told.has(`${job} ${route}`)) continue
      told.add(`${job} ${route}`)
      this.#deps.appended(job, route)
    }
    batch.resolve()
  }
}

function appendsOf({ sealed, extras }: Batch): Append[] {
  const byJob = new Map<number, Append>()
  for (const block of sealed) {
    const append = byJob.get(block.job)
    if (append === undefined)
      byJob.set(block.job, { job: block.job, blocks: [block], range: null, extras: extras.get(block.job) })
    else append.blocks.push(block)
  }
  return [...byJob.values()]
}

function newBatch(): Batch {
  let resolve = (): void => {}
  let reject = (_error: unknown): void => {}
  const durable = new Promise<void>((onDurable, onFailed) => {
    resolve = onDurable
    reject = onFailed
  })
  // A batch that nobody waits for must not end the process by its rejection.
  durable.catch(() => {})
  return { open: new Map(), sealed: [], extras: new Map(), notes: [], bytes: 0, durable, resolve, reject }
}
