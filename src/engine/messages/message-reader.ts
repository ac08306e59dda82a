/**
 * Reads messages for the API: the body from the store, the state from the dispatcher, page by page with a bound on what one
 * page looks through. Main thread.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { MessageView, Page, PageQuery } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import type { MessageExtras } from '../contract/extras.js'
import { messageId, parseMessageId } from '../contract/ids.js'
import {
  blockOf,
  CHANNELS,
  type ChannelName,
  type MessageRef,
  messageRef,
  placeOf,
  type StateName,
} from '../contract/message.js'
import { BlockReader } from '../store/block.js'
import { decodeState } from '../store/decoded-state.js'
import type { AccountBlocks } from './account-blocks.js'
import type { JobLayouts } from './job-layout.js'
import { type JobFacts, type MessageSource, messageView, reasonOf, stateOf, type ViewNames } from './message-view.js'

/** Blocks asked of the dispatcher at once, and looked through for one page. */
export const BLOCKS_PER_REQUEST = 64
const BLOCKS_PER_PAGE = 512
/** The same where recipients are known: a block without them costs no more than a look at its octets. */
const BLOCKS_LOOKED_AT = 4_096
/** Messages of one reference that a page looks through. */
const REFERENCES_PER_PAGE = 1_000

export interface ReaderStore {
  block(block: number): Buffer | null
  marks(block: number): Buffer | null
  extras(ref: MessageRef): MessageExtras
  withReference(asked: { account: number; reference: string; before: number }): Iterable<MessageRef>
}

export interface ReaderDeps {
  store: ReaderStore
  layouts: JobLayouts
  accountBlocks: AccountBlocks
  clock: Clock
  names: ViewNames
  /** Snapshots in the order asked; null = never claimed. */
  states(blocks: number[]): Promise<(Uint8Array | null)[]>
  facts(job: number): JobFacts
}

export interface MessageFilter {
  to?: string
  /** To one of these: numbers, or email addresses in any case. */
  recipients?: readonly string[]
  from?: string
  channel?: ChannelName
  state?: StateName
  /** In one of these. */
  states?: readonly StateName[]
  reason?: string
  /** Of one of these jobs; single messages have one of their own. */
  ofJob?(job: number): boolean
  /** Made at or after, and before; epoch milliseconds. */
  sinceMs?: number
  untilMs?: number
}

/** The messages of an account: of all that it has, of one of its jobs, or of one reference. */
export interface AccountQuery extends PageQuery, MessageFilter {
  job?: number
  clientReference?: string
}

export class MessageReader {
  readonly #deps: ReaderDeps

  constructor(deps: ReaderDeps) {
    this.#deps = deps
  }

  /** `account`: number of the asking account, null for an admin. A foreign message is as unknown as none. */
  async message(account: number | null, id: string): Promise<MessageView> {
    const { ref } = this.locate(account, id)
    const [source] = await this.sources([blockOf(ref)])
    return messageView(source!, placeOf(ref), this.#deps.names)
  }

  /** The message and its job. @throws EngineError NOT_FOUND. */
  locate(account: number | null, id: string): { ref: MessageRef; job: number } {
    const ref = parseMessageId(id)
    const reader = ref === null ? null : this.#open(blockOf(ref))
    const isForeign = reader === null || (account !== null && reader.account !== account)
    if (ref === null || isForeign || placeOf(ref) >= reader.count || this.isMarked(blockOf(ref), placeOf(ref))) {
      throw new EngineError('NOT_FOUND', 'There is no such message.')
    }
    return { ref, job: reader.job }
  }

  /** Of a job with a file: its block numbers, ascending. */
  blocksOf(job: number): number[] {
    return this.#deps.layouts.get(job).blocks
  }

  /** The stored block of a message that there is; null: it is gone or damaged. */
  block(ref: MessageRef): BlockReader | null {
    return this.#open(blockOf(ref))
  }

  #open(block: number): BlockReader | null {
    const bytes = this.#deps.store.block(block)
    if (bytes === null) return null
    const reader = new BlockReader(bytes)
    return reader.intact ? reader : null
  }

  /** True: duplicate detection took the message out. */
  isMarked(block: number, place: number): boolean {
    const marks = this.#deps.store.marks(block)
    return marks !== null && (marks[place >> 3]! & (1 << (place & 7))) !== 0
  }

  /** Blocks with their states, in the order asked; those that are gone or corrupt are left out. */
  async sources(blocks: number[]): Promise<MessageSource[]> {
    const nowMs = this.#deps.clock.now()
    const states = await this.#deps.states(blocks)
    const sources: MessageSource[] = []
    blocks.forEach((block, index) => {
      const reader = this.#open(block)
      if (reader === null) return
      const bytes = states[index] ?? null
      const facts = this.#deps.facts(reader.job)
      const firstLine = reader.range === null ? 1 : (this.#deps.layouts.get(reader.job).lines[reader.range] ?? 1)
      const state = bytes === null ? null : decodeState(bytes)
      sources.push({ block, reader, state, facts, firstLine, nowMs, extras: this.#deps.store.extras })
    })
    return sources
  }

  /** Messages of one job in the order of their ids. */
  async ofJob(
    job: number,
    query: PageQuery & Pick<MessageFilter, 'state' | 'to' | 'channel'>,
  ): Promise<Page<MessageView>> {
    const after = query.cursor === undefined ? -1 : (parseMessageId(query.cursor) ?? -1)
    const from = Math.floor(after / 256)
    const blocks = this.#deps.layouts.get(job).blocks.filter((block) => block >= from)
    const items: MessageView[] = []
    for (let at = 0; at < blocks.length; at += BLOCKS_PER_REQUEST) {
      const batch = blocks.slice(at, at + BLOCKS_PER_REQUEST)
      const last = this.#collect(await this.sources(batch), items, { ...query, after })
      if (last !== null) return { items, nextCursor: messageId(last) }
      if (at + BLOCKS_PER_REQUEST >= BLOCKS_PER_PAGE) {
        return { items, nextCursor: messageId(messageRef(batch.at(-1)!, 255)) }
      }
    }
    return { items, nextCursor: null }
  }

  /** Ref of the last item once the page is full. */
  #collect(
    sources: MessageSource[],
    items: MessageView[],
    query: Pick<MessageFilter, 'state' | 'to' | 'channel'> & { limit: number; after: number },
  ): MessageRef | null {
    for (const source of sources) {
      for (let place = 0; place < source.reader.count; place++) {
        const ref = messageRef(source.block, place)
        if (ref <= query.after || !this.#matches(source, place, query)) continue
        items.push(messageView(source, place, this.#deps.names))
        if (items.length === query.limit) return ref
      }
    }
    return null
  }

  /** Messages of an account from the newest block, file jobs and single ones alike. */
  async ofAccount(account: number | null, query: AccountQuery): Promise<Page<MessageView>> {
    const before = query.cursor === undefined ? Number.MAX_SAFE_INTEGER : (parseMessageId(query.cursor) ?? 0)
    if (query.clientReference !== undefined) return await this.#ofReference(account, { ...query, before })
    let next = Math.floor(before / 256) + 1
    const items: MessageView[] = []
    let toRead = BLOCKS_PER_PAGE
    for (let seen = 0; seen < BLOCKS_LOOKED_AT && toRead > 0; seen += BLOCKS_PER_REQUEST) {
      const blocks = this.#blocksBefore(account, query.job, next)
      if (blocks.length === 0) return { items, nextCursor: null }
      next = blocks.at(-1)!
      const own = blocks.filter((block) => this.#mayHold(this.#open(block), account, query))
      if (own.length === 0) {
        if (!isByRecipient(query)) toRead -= BLOCKS_PER_REQUEST
        await turn()
        continue
      }
      toRead -= BLOCKS_PER_REQUEST
      const last = this.#collectBackwards(await this.sources(own), items, { ...query, before })
      if (last !== null) return { items, nextCursor: messageId(last) }
    }
    return { items, nextCursor: messageId(messageRef(next, 0)) }
  }

  #blocksBefore(account: number | null, job: number | undefined, next: number): number[] {
    if (job === undefined) return this.#deps.accountBlocks.before(account, next, BLOCKS_PER_REQUEST)
    const blocks = this.blocksOf(job)
    let end = blocks.length
    while (end > 0 && blocks[end - 1]! >= next) end--
    return blocks.slice(Math.max(0, end - BLOCKS_PER_REQUEST), end).reverse()
  }

  /** By the index of references: from the newest message that has it. */
  async #ofReference(account: number | null, query: AccountQuery & { before: number }): Promise<Page<MessageView>> {
    const items: MessageView[] = []
    const asked = { account: account ?? -1, reference: query.clientReference!, before: query.before }
    const refs = [...take(this.#deps.store.withReference(asked), REFERENCES_PER_PAGE)]
    for (let at = 0; at < refs.length; at += BLOCKS_PER_REQUEST) {
      const some = refs.slice(at, at + BLOCKS_PER_REQUEST)
      const sources = await this.sources([...new Set(some.map(blockOf))])
      const byBlock = new Map(sources.map((source) => [source.block, source]))
      for (const ref of some) {
        const source = byBlock.get(blockOf(ref))
        if (source === undefined || !this.#isAsked(source, ref, account, query)) continue
        items.push(messageView(source, placeOf(ref), this.#deps.names))
        if (items.length === query.limit) return { items, nextCursor: messageId(ref) }
      }
    }
    return { items, nextCursor: refs.length < REFERENCES_PER_PAGE ? null : messageId(refs.at(-1)!) }
  }

  #isAsked(source: MessageSource, ref: MessageRef, account: number | null, query: AccountQuery): boolean {
    if (query.job !== undefined && source.reader.job !== query.job) return false
    return this.#mayHold(source.reader, account, query) && this.#matches(source, placeOf(ref), query)
  }

  /** All blocks of an account with their states, `blocks` at once, from the newest; null: of all accounts. */
  async *newestFirst(account: number | null, blocks: number): AsyncIterable<MessageSource[]> {
    let next = Number.MAX_SAFE_INTEGER
    for (;;) {
      const batch = this.#deps.accountBlocks.before(account, next, blocks)
      if (batch.length === 0) return
      next = batch.at(-1)!
      yield await this.sources(batch)
    }
  }

  #collectBackwards(
    sources: MessageSource[],
    items: MessageView[],
    query: MessageFilter & { limit: number; before: number },
  ): MessageRef | null {
    for (const source of sources) {
      for (let place = source.reader.count - 1; place >= 0; place--) {
        const ref = messageRef(source.block, place)
        if (ref >= query.before || !this.#matches(source, place, query)) continue
        items.push(messageView(source, place, this.#deps.names))
        if (items.length === query.limit) return ref
      }
    }
    return null
  }

  #matches({ reader, ...source }: MessageSource, place: number, filter: MessageFilter): boolean {
    if (reader.verified(place) < 0 || this.isMarked(source.block, place)) return false
    if (filter.to !== undefined && reader.recipient(place) !== filter.to) return false
    if (filter.recipients !== undefined && !isOneOf(reader.recipient(place), filter.recipients)) return false
    if (filter.channel !== undefined && CHANNELS[reader.facts(place).channel] !== filter.channel) return false
    const { state, states, reason } = filter
    if (state === undefined && states === undefined) return true
    const now = stateOf({ reader, ...source }, place)
    if ((state !== undefined && now !== state) || (states !== undefined && !states.includes(now))) return false
    return reason === undefined || reasonOf({ reader, ...source }, place) === reason
  }

  #mayHold(reader: BlockReader | null, account: number | null, filter: MessageFilter): reader is BlockReader {
    if (reader === null || (account !== null && reader.account !== account)) return false
    if (filter.from !== undefined && reader.from !== filter.from) return false
    if (filter.ofJob?.(reader.job) === false || !namesOne(reader, filter)) return false
    const { sinceMs, untilMs } = filter
    if (sinceMs === undefined && untilMs === undefined) return true
    // As the message shows it; of single messages it is known to the second.
    const madeMs = this.#deps.facts(reader.job).createdAtMs
    const fromMs = madeMs ?? reader.createdSeconds * 1000
    return (madeMs ?? fromMs + 999) >= (sinceMs ?? 0) && fromMs < (untilMs ?? Number.POSITIVE_INFINITY)
  }
}

function isByRecipient({ to, recipients }: MessageFilter): boolean {
  return to !== undefined || recipients !== undefined
}

function isOneOf(recipient: string, wanted: readonly string[]): boolean {
  return wanted.includes(recipient) || (recipient.includes('@') && wanted.includes(recipient.toLowerCase()))
}

/** False: no record of the block can be to any of them. Addresses may stand there in another case, so those are looked for. */
function namesOne({ bytes }: BlockReader, { to, recipients }: MessageFilter): boolean {
  const wanted = recipients ?? (to === undefined ? null : [to])
  if (wanted === null) return true
  return wanted.some((address) => address.includes('@') || bytes.includes(address.replace('+', ''), 0, 'latin1'))
}

/** At most so many. */
function* take<T>(items: Iterable<T>, most: number): Iterable<T> {
  let count = 0
  for (const item of items) {
    yield item
    if (++count === most) return
  }
}
