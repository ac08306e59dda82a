/**
 * Takes a recipient, and what was sent to it, out of the stored messages. What waits is canceled first; the record of each message
 * stays with its state, times and price, so that counts, money and usage are what they were. Every step may be done again
 * after a kill: a record that has no recipient any more is passed by. Main thread.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { crashPoint } from '../base/crash-point.js'
import type { MessageExtras } from '../contract/extras.js'
import { type MessageRef, messageRef } from '../contract/message.js'
import type { RedactTask } from '../contract/thread.js'
import { BlockReader } from '../store/block.js'
import type { Environment } from '../store/environment.js'
import { readExtras, referenceKey } from '../store/extras.js'
import { storeFailed } from '../store/lmdb-store.js'
import { decodeRange, encodeRange } from '../store/range-record.js'
import { redactedBlock } from '../store/redacted-block.js'
import { unlessDamaged } from './damage.js'
import type { Span } from './mask-text.js'
import { mayHold, placesOf, type Subject, talkerOf } from './subject.js'

const BLOCKS_PER_TURN = 64

export interface MessageErasureDeps {
  environment: Environment
  /** How many of them waited; they are canceled durably. */
  cancel(refs: number[]): Promise<number>
  redact(task: RedactTask): Promise<void>
  /** Resolves when the states of all blocks are stored as they are now. */
  snapshot(): Promise<void>
  /** The file of the job is read to its end: how it finds duplicates is needed no more. */
  isRead(job: number): boolean
}

export interface ErasedMessages {
  messages: number
  canceled: number
}

/** Where messages of the subject stand in the file of their job. */
export type FileSpans = Map<number, Span[]>

interface Found {
  block: number
  reader: BlockReader
  places: number[]
}

export class MessageErasure {
  readonly #deps: MessageErasureDeps

  constructor(deps: MessageErasureDeps) {
    this.#deps = deps
  }

  /** By job: the records of its file that became messages of the subject. */
  async spans(subject: Subject): Promise<FileSpans> {
    const spans: FileSpans = new Map()
    for await (const { reader, places } of this.#find(subject)) {
      if (reader.range === null) continue
      const bytes = this.#deps.environment.ranges.getBinary([reader.job, reader.range])
      if (bytes === undefined) continue
      const base = unlessDamaged(() => decodeRange(bytes).start, -1)
      if (base < 0) continue
      const own = spans.get(reader.job) ?? []
      spans.set(reader.job, own)
      for (const place of places) {
        const { offset, length } = reader.facts(place)
        own.push({ start: base + offset, end: base + offset + length })
      }
    }
    return spans
  }

  /**
   * How many it found; `add` is told of them as they are erased. Durable when it resolves.
   * @throws EngineError STORE_FAILED, SHUTTING_DOWN
   */
  async erase(subject: Subject, add: (erased: ErasedMessages) => Promise<void>): Promise<number> {
    let count = 0
    const recipient = talkerOf(subject)
    for await (const found of this.#find(subject)) {
      const refs = found.places.map((place) => messageRef(found.block, place))
      const canceled = await this.#deps.cancel(refs)
      await this.#batch(() => this.#put(found, refs))
      await add({ messages: refs.length, canceled })
      crashPoint('erasure-stored')
      await this.#deps.redact({ refs, dropped: [], recipient: 0, account: null })
      count += refs.length
    }
    await this.#deps.redact({ refs: [], dropped: [], recipient, account: subject.account })
    await this.#deps.snapshot()
    return count
  }

  #put({ block, reader, places }: Found, refs: number[]): void {
    const { environment } = this.#deps
    const doomed = new Set(places)
    const redacted = redactedBlock(reader.bytes, (place) => (doomed.has(place) ? 2 : 0))
    if (redacted !== null) environment.blocks.put(block, redacted)
    for (const ref of refs) removeExtras(environment, ref, reader.account)
    if (reader.range !== null && this.#deps.isRead(reader.job)) withoutRun(environment, [reader.job, reader.range])
  }

  async *#find(subject: Subject): AsyncGenerator<Found> {
    const { environment } = this.#deps
    for (let next = 0; ; ) {
      environment.root.resetReadTxn()
      const some = [...environment.blocks.getRange({ start: next, limit: BLOCKS_PER_TURN })]
      for (const { key, value } of some) {
        if (!mayHold(subject, value)) continue
        const reader = new BlockReader(Buffer.from(value))
        const places = reader.intact ? placesOf(subject, reader) : []
        if (places.length > 0) yield { block: key as number, reader, places }
      }
      if (some.length < BLOCKS_PER_TURN) return
      next = (some.at(-1)!.key as number) + 1
      await turn()
    }
  }

  async #batch(work: () => void): Promise<void> {
    try {
      await this.#deps.environment.root.batch(() => {
        work()
      })
    } catch (error) {
      throw storeFailed(error)
    }
  }
}

/** Within a transaction: the texts beside a message, and by what it is found. */
export function removeExtras(environment: Environment, ref: number, account: number): void {
  const { clientReference } = unlessDamaged(() => readExtras(environment, ref as MessageRef), {} as MessageExtras)
  if (clientReference !== undefined) environment.references.remove([account, referenceKey(clientReference), ref])
  environment.extras.remove(ref)
}

/** Within a transaction: the numbers by which duplicates were found. */
export function withoutRun(environment: Environment, key: number[]): void {
  const bytes = environment.ranges.getBinary(key)
  if (bytes === undefined) return
  const record = unlessDamaged(() => decodeRange(bytes), null)
  if (record !== null && record.run.length > 0)
    environment.ranges.put(key, encodeRange({ ...record, run: Buffer.alloc(0) }))
}
