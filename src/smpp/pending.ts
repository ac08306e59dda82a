/** The rest of one message that found no room: a copy of what is needed, since the caller's window onto the block moves. */
import { blankMessage, type OutgoingMessage } from '../engine/contract/message.js'

export class PendingParts {
  readonly message: OutgoingMessage = blankMessage()
  #next = 0

  get empty(): boolean {
    return this.#next >= this.message.partCount
  }

  /** Part that goes out next; call only while not `empty`. */
  get part(): number {
    return this.#next
  }

  /** Keeps the parts from `part` on. */
  keep(message: OutgoingMessage, part: number): void {
    const kept = this.message
    kept.ref = message.ref
    kept.from = message.from
    kept.fields = message.fields
    kept.isShortCode = message.isShortCode
    kept.coding = message.coding
    kept.shift = message.shift
    kept.partCount = message.partCount
    kept.partsAccepted = message.partsAccepted
    kept.attempt = message.attempt
    kept.expiresAtSeconds = message.expiresAtSeconds
    kept.wantsReceipt = message.wantsReceipt
    const { partCount } = message
    let bytes = message.toLength
    for (let n = part; n < partCount; n++) bytes += message.partLengths[n]!
    if (kept.bytes.length < bytes) kept.bytes = Buffer.allocUnsafeSlow(bytes)
    kept.toStart = 0
    kept.toLength = message.toLength
    let at = message.bytes.copy(kept.bytes, 0, message.toStart, message.toStart + message.toLength)
    for (let n = part; n < partCount; n++) {
      const start = message.partStarts[n]!
      kept.partStarts[n] = at
      kept.partLengths[n] = message.partLengths[n]!
      at += message.bytes.copy(kept.bytes, at, start, start + message.partLengths[n]!)
    }
    this.#next = nextOpenPart(kept, part)
  }

  clear(): void {
    this.#next = this.message.partCount
  }

  /** The part at hand went out or was given up. */
  advance(): void {
    this.#next = nextOpenPart(this.message, this.#next + 1)
  }
}

/** First part from `from` on that was not accepted before; `partCount` when there is none. */
export function nextOpenPart(message: OutgoingMessage, from: number): number {
  let part = from
  while (part < message.partCount && ((message.partsAccepted >>> part) & 1) === 1) part++
  return part
}
