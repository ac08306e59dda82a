/** A block's state as readers of messages and reports see it: stored or posted bytes, decoded, with the history by message. Any thread. */
import { OUTCOME, type OutcomeCode } from '../contract/outcome.js'
import { BlockState } from './block-state.js'
import { BY_RECEIPT, type Entry } from './entry.js'

/** One line of a message's history, for readers. */
export interface HistoryItem {
  atMs: number
  code: OutcomeCode
  part: number
  attempt: number
  /** What the carrier's receipt says of the time, epoch seconds as its clock shows; 0: nothing. */
  doneSeconds: number
  /** Number in the carrier dictionary; NO_CARRIER for our own entries. */
  carrier: number
  bind: number
  status: number
  id: string
  error: string
}

export interface DecodedState {
  states: Uint8Array
  reasons: Uint8Array
  statuses: Uint32Array
  attempts: Uint8Array
  final: Uint8Array
  history(place: number): HistoryItem[]
}

/** Reads a stored or posted snapshot for the API and reports. @throws EngineError STORE_CORRUPT. */
export function decodeState(bytes: Uint8Array): DecodedState {
  const state = BlockState.decode(0, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  let histories: HistoryItem[][] | null = null
  return {
    states: state.states,
    reasons: state.reasons,
    statuses: state.statuses,
    attempts: state.attempts,
    final: state.final,
    history(place) {
      histories ??= historiesOf(state)
      return histories[place]!
    },
  }
}

/** Other entries use the field for something of their own. */
function isProtocolStatus({ code, flags }: Entry): boolean {
  return code !== OUTCOME.accepted && (flags & BY_RECEIPT) === 0
}

function historiesOf(state: BlockState): HistoryItem[][] {
  const histories: HistoryItem[][] = Array.from({ length: state.count }, () => [])
  state.eachEntry((entry) => {
    histories[entry.place]?.push({
      atMs: entry.atMs,
      code: entry.code,
      part: entry.part,
      attempt: entry.attempt,
      carrier: entry.carrier,
      bind: entry.bind,
      status: isProtocolStatus(entry) ? entry.status : 0,
      doneSeconds: (entry.flags & BY_RECEIPT) !== 0 ? entry.status : 0,
      id: entry.id.latin1Slice(entry.idStart, entry.idStart + entry.idLength),
      error: entry.error,
    })
  })
  return histories
}
