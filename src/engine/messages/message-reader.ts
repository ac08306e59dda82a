/**
 * Reads messages for the API: the body from the store, the state from the dispatcher, page by page with a bound on what one
 * page looks through. Main thread.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { MessageView, PageQuery } from '../contract/api.js'
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
import type { MessagePage } from '../contract/message-page.js'
import { BlockReader } from '../store/block.js'
import { decodeState } from '../store/decoded-state.js'
import type { AccountBlocks } from './account-blocks.js'
import type { DamagedMessages } from './damaged-messages.js'
import type { JobLayouts } from './job-layout.js'
import { type JobFacts, type MessageSource, messageView, reasonOf, stateOf, type ViewNames } from './message-view.js'
import { PageDraft } from './page-draft.js'

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
  damaged: DamagedMessages
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
    if (source === undefined) throw this.#corrupt(blockOf(ref))
    return messageView(source!, placeOf(ref), this.#deps.names)
  }

  /** The message and its job. @throws EngineError NOT_FOUND; ERASED; STORE_CORRUPT: its block is damaged or gone. */
  locate(account: number | null, id: string): { ref: MessageRef; job: number } {
    const ref = parseMessageId(id)
    const reader = ref === null ? null : this.#open(blockOf(ref))
    if (ref !== null && reader === null) this.#requireUnnamed(account, blockOf(ref))
    const isForeign = reader === null || (account !== null && reader.account !== account)
    if (reader?.count === 0 && !isForeign)
      throw new EngineError('ERASED', 'The message was erased when its time was over.')
    if (ref === null || isForeign || placeOf(ref) >= reader.count || this.isMarked(blockOf(ref), placeOf(ref))) {
      throw new EngineError('NOT_FOUND', 'There is no such message.')
    }
    return { ref, job: reader.job }
  }

  /** What the account's jobs name was there. @throws EngineError STORE_CORRUPT. */
  #requireUnnamed(account: number | null, block: number): void {
    if (this.#isNamed(account, block)) throw this.#corrupt(block)
  }

  #isNamed(account: number | null, block: number): boolean {
    return this.#deps.accountBlocks.before(account, block + 1, 1)[0] === block
  }

  #corrupt(block: number): EngineError {
    const id = this.#deps.damaged.block(block)
    return new EngineError('STORE_CORRUPT', `The block of messages that begins with ${id} is damaged or gone.`)
  }

  /** Where a reader of `sources` says what it finds. */
  get damaged(): DamagedMessages {
    return this.#deps.damaged
  }

  /** Those of the asked blocks that are damaged, or gone although a job still names them; each is said. Ascending, as asked. */
  lost(account: number | null, asked: readonly number[], found: readonly { block: number }[]): number[] {
    if (found.length === asked.length) return []
    const there = new Set(found.map(({ block }) => block))
    const lost = asked.filter((block) => !there.has(block) && this.#isNamed(account, block))
    for (const block of lost) this.#deps.damaged.block(block)
    return lost
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

  /** Blocks with their states, in the order asked; those that are gone or corrupt are left out: `lost` says which. */
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
  async ofJob(job: number, query: PageQuery & Pick<MessageFilter, 'state' | 'to' | 'channel'>): Promise<MessagePage> {
    const after = query.cursor === undefined ? -1 : (parseMessageId(query.cursor) ?? -1)
    const from = Math.floor(after / 256)
    const blocks = this.#deps.layouts.get(job).blocks.filter((block) => block >= from)
    const page = new PageDraft(query.limit)
    for (let at = 0; at < blocks.length; at += BLOCKS_PER_REQUEST) {
      const batch = blocks.slice(at, at + BLOCKS_PER_REQUEST)
      const sources = await this.sources(batch)
      const last = this.#collect(sources, page, { ...query, after })
      this.#lack(page, this.lost(null, batch, sources), (ref) => ref > after && (last === null || ref < last))
      if (last !== null) return page.end(last)
      if (at + BLOCKS_PER_REQUEST >= BLOCKS_PER_PAGE) return page.end(messageRef(batch.at(-1)!, 255))
    }
    return page.end(null)
  }

  /** Of blocks that cannot be read, those that stand in this page and in no other. */
  #lack(page: PageDraft, blocks: readonly number[], isHere: (ref: MessageRef) => boolean): void {
    for (const block of blocks) if (isHere(messageRef(block, 0))) page.lack(this.#deps.damaged.block(block))
  }

  /** Ref of the last item once the page is full. */
  #collect(
    sources: MessageSource[],
    page: PageDraft,
    query: Pick<MessageFilter, 'state' | 'to' | 'channel'> & { after: number },
  ): MessageRef | null {
    for (const source of sources) {
      for (let place = 0; place < source.reader.count; place++) {
        const ref = messageRef(source.block, place)
        if (ref <= query.after) continue
        this.#take(source, place, query, page)
        if (page.isFull) return ref
      }
    }
    return null
  }

  /** Messages of an account from the newest block, file jobs and single ones alike. */
  async ofAccount(account: number | null, query: AccountQuery): Promise<MessagePage> {
    const before = query.cursor === undefined ? Number.MAX_SAFE_INTEGER : (parseMessageId(query.cursor) ?? 0)
    if (query.clientReference !== undefined) return await this.#ofReference(account, { ...query, before })
    let next = Math.floor(before / 256) + 1
    const page = new PageDraft(query.limit)
    let toRead = BLOCKS_PER_PAGE
    for (let seen = 0; seen < BLOCKS_LOOKED_AT && toRead > 0; seen += BLOCKS_PER_REQUEST) {
      const blocks = this.#blocksBefore(account, query.job, next)
      if (blocks.length === 0) return page.end(null)
      next = blocks.at(-1)!
      const { own, lost } = this.#sorted(blocks, account, query)
      if (own.length === 0) {
        this.#lack(page, lost, (ref) => ref < before)
        if (!isByRecipient(query)) toRead -= BLOCKS_PER_REQUEST
        await turn()
        continue
      }
      toRead -= BLOCKS_PER_REQUEST
      const last = this.#collectBackwards(await this.sources(own), page, { ...query, before })
      this.#lack(page, lost, (ref) => ref < before && (last === null || ref > last))
      if (last !== null) return page.end(last)
    }
    return page.end(messageRef(next, 0))
  }

  /** Those that may hold what is asked for, and those of which it cannot be told. */
  #sorted(blocks: number[], account: number | null, query: AccountQuery): { own: number[]; lost: number[] } {
    const own: number[] = []
    const whole: { block: number }[] = []
    for (const block of blocks) {
      const reader = this.#open(block)
      if (reader !== null) whole.push({ block })
      if (this.#mayHold(reader, account, query)) own.push(block)
    }
    return { own, lost: this.lost(account, blocks, whole) }
  }

  #blocksBefore(account: number | null, job: number | undefined, next: number): number[] {
    if (job === undefined) return this.#deps.accountBlocks.before(account, next, BLOCKS_PER_REQUEST)
    const blocks = this.blocksOf(job)
    let end = blocks.length
    while (end > 0 && blocks[end - 1]! >= next) end--
    return blocks.slice(Math.max(0, end - BLOCKS_PER_REQUEST), end).reverse()
  }

  /** By the index of references: from the newest message that has it. */
  async #ofReference(account: number | null, query: AccountQuery & { before: number }): Promise<MessagePage> {
    const page = new PageDraft(query.limit)
    const asked = { account: account ?? -1, reference: query.clientReference!, before: query.before }
    const refs = [...take(this.#deps.store.withReference(asked), REFERENCES_PER_PAGE)]
    for (let at = 0; at < refs.length; at += BLOCKS_PER_REQUEST) {
      const some = refs.slice(at, at + BLOCKS_PER_REQUEST)
      const blocks = [...new Set(some.map(blockOf))]
      const sources = await this.sources(blocks)
      const byBlock = new Map(sources.map((source) => [source.block, source]))
      const lost = new Set(this.lost(account, blocks, sources))
      for (const ref of some) {
        const source = byBlock.get(blockOf(ref))
        if (lost.has(blockOf(ref))) page.lack(messageId(ref))
        if (source === undefined || !this.#isAsked(source, ref, account, query)) continue
        this.#take(source, placeOf(ref), query, page)
        if (page.isFull) return page.end(ref)
      }
    }
    return page.end(refs.length < REFERENCES_PER_PAGE ? null : refs.at(-1)!)
  }

  #isAsked({ reader }: MessageSource, ref: MessageRef, account: number | null, query: AccountQuery): boolean {
    if (query.job !== undefined && reader.job !== query.job) return false
    return placeOf(ref) < reader.count && this.#mayHold(reader, account, query)
  }

  /** All blocks of an account with their states, `blocks` at once, from the newest; null: of all accounts. */
  async *newestFirst(
    account: number | null,
    blocks: number,
  ): AsyncIterable<{ sources: MessageSource[]; lost: number[] }> {
    let next = Number.MAX_SAFE_INTEGER
    for (;;) {
      const batch = this.#deps.accountBlocks.before(account, next, blocks)
      if (batch.length === 0) return
      next = batch.at(-1)!
      const sources = await this.sources(batch)
      yield { sources, lost: this.lost(account, batch, sources) }
    }
  }

  #collectBackwards(
    sources: MessageSource[],
    page: PageDraft,
    query: MessageFilter & { before: number },
  ): MessageRef | null {
    for (const source of sources) {
      for (let place = source.reader.count - 1; place >= 0; place--) {
        const ref = messageRef(source.block, place)
        if (ref >= query.before) continue
        this.#take(source, place, query, page)
        if (page.isFull) return ref
      }
    }
    return null
  }

  /** Puts the message into the page, if it belongs there; a damaged one as well, as far as it is known. */
  #take(source: MessageSource, place: number, filter: MessageFilter, page: PageDraft): void {
    if (this.isMarked(source.block, place)) return
    const isWhole = source.reader.verified(place) >= 0
    if (!(isWhole ? this.#matches(source, place, filter) : mayMatch(source, place, filter))) return
    const id = isWhole ? '' : this.#deps.damaged.message(messageRef(source.block, place))
    if (isWhole || !isByContent(filter)) page.add(messageView(source, place, this.#deps.names))
    else page.lack(id)
  }

  #matches({ reader, ...source }: MessageSource, place: number, filter: MessageFilter): boolean {
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

/** Of a damaged message: its state is known, its content is not. */
function mayMatch(source: MessageSource, place: number, { state, states, reason }: MessageFilter): boolean {
  const now = stateOf(source, place)
  if ((state !== undefined && now !== state) || (states !== undefined && !states.includes(now))) return false
  return reason === undefined || reason === 'RECORD_CORRUPT'
}

function isByContent(filter: MessageFilter): boolean {
  return isByRecipient(filter) || filter.channel !== undefined
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
