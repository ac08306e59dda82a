/**
 * Takes out of a block's history what names the recipient of one message: the end of the number beside an accepted part, and
 * the texts of carriers and calls. What happened and when stays, and so does the carrier's id. Entries keep their length, so
 * that they are overwritten where they lie. Dispatcher thread.
 */
import { OUTCOME } from '../contract/outcome.js'
import { BY_RECEIPT, ENTRY_HEAD_BYTES } from './entry.js'

const CODE_AT = 2
const PLACE_AT = 5
const STATUS_AT = 10
const FLAGS_AT = 20
const ID_LENGTH_AT = 21
const ERROR_LENGTH_AT = 22
/** Entries that stand for a run of messages, and those of an operator, say nothing of a recipient. */
const SILENT: ReadonlySet<number> = new Set([OUTCOME.authorised, OUTCOME.withdrawn, OUTCOME.due, OUTCOME.settled])

/** `bytes`: entries end to end, see entry.ts. */
export function redactHistory(bytes: Buffer, place: number): void {
  for (let at = 0; at < bytes.length; at += bytes.readUInt16LE(at)) {
    if (bytes[at + PLACE_AT] !== place || SILENT.has(bytes[at + CODE_AT]!)) continue
    const end = at + bytes.readUInt16LE(at)
    if (bytes[at + CODE_AT] === OUTCOME.accepted && (bytes[at + FLAGS_AT]! & BY_RECEIPT) === 0) {
      bytes.writeUInt32LE(0, at + STATUS_AT)
    }
    bytes[at + ERROR_LENGTH_AT] = 0
    bytes.fill(0, at + ENTRY_HEAD_BYTES + bytes[at + ID_LENGTH_AT]!, end)
  }
}
