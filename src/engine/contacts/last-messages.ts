/**
 * The 'contactLast' task: what became of messages is noted with the contacts that they went to, block by block from stored
 * states. A block that comes again changes nothing, so a kill at any moment costs nothing. Ingest threads.
 */
import type { ContactKey } from '../contract/contact-tasks.js'
import { EngineError } from '../contract/errors.js'
import { CHANNELS, messageRef, STATES } from '../contract/message.js'
import { BlockReader } from '../store/block.js'
import type { Environment } from '../store/environment.js'
import { StateView } from '../store/state-view.js'
import { emailKey } from './contact-key.js'
import { readContact } from './contact-reader.js'
import type { ContactTables } from './contact-tables.js'
import { transaction } from './contact-writer.js'
import { FreshNumbers, findId, numberIndex } from './fresh-numbers.js'
import { putLast } from './last-message.js'

const EMAIL = CHANNELS.indexOf('email')

/** How many contacts were among the recipients. @throws EngineError STORE_FAILED. */
export function foldLast(
  tables: ContactTables,
  queue: Environment,
  account: number,
  blocks: readonly number[],
): number {
  queue.root.resetReadTxn()
  let count = 0
  transaction(tables, () => {
    const finder = new RecipientFinder(tables, account)
    for (const block of blocks) count += foldBlock(tables, queue, { account, block, finder })
  })
  return count
}

interface FoldedBlock {
  account: number
  block: number
  finder: RecipientFinder
}

function foldBlock(tables: ContactTables, queue: Environment, { account, block, finder }: FoldedBlock): number {
  const bytes = queue.blocks.getBinary(block)
  const stored = queue.states.getBinary(block)
  if (bytes === undefined || stored === undefined) return 0
  const reader = new BlockReader(bytes)
  const state = reader.intact ? stateOf(block, stored) : null
  if (state === null) return 0
  const times = new Float64Array(state.count)
  state.eachTime((place, _code, _byReceipt, atMs) => {
    times[place] = Math.max(times[place]!, atMs)
  })
  let count = 0
  for (let place = 0; place < Math.min(state.count, reader.count); place++) {
    const now = state.state(place)
    // Behind the last one: a duplicate, which was never a message.
    if (now >= STATES.length || reader.verified(place) < 0) continue
    const { channel } = reader.facts(place)
    const id = finder.find(reader.recipient(place), channel)
    if (id < 0) continue
    const atMs = times[place] === 0 ? reader.createdSeconds * 1000 : times[place]!
    putLast(tables, [account, id], { ref: messageRef(block, place), atMs, state: now, channel })
    count++
  }
  return count
}

/** null: damaged; its messages are told of elsewhere. */
function stateOf(block: number, bytes: Buffer): StateView | null {
  try {
    return new StateView(block, bytes)
  } catch (error) {
    if (error instanceof EngineError) return null
    throw error
  }
}

class RecipientFinder {
  readonly #tables: ContactTables
  readonly #account: number
  readonly #fresh: FreshNumbers

  constructor(tables: ContactTables, account: number) {
    this.#tables = tables
    this.#account = account
    this.#fresh = new FreshNumbers(numberIndex(tables), account)
  }

  /** -1: no contact. `recipient` as blocks show it: +digits, a short code, or an address. */
  find(recipient: string, channel: number): number {
    if (channel === EMAIL) return readContact(this.#tables, this.#account, emailKey(recipient))?.id ?? -1
    const key = keyOfRecipient(recipient)
    const fresh = typeof key === 'number' ? this.#fresh.find(key) : -1
    return fresh >= 0 ? fresh : (findId(this.#tables, this.#account, key) ?? -1)
  }
}

function keyOfRecipient(recipient: string): ContactKey {
  const value = Number(recipient)
  return Number.isSafeInteger(value) ? value : recipient
}
