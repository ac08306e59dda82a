/**
 * The kinds of a block: what its messages go to and cost, so that money and usage follow from its head and its state alone.
 *
 * Layout, in the block's head (little endian): u16 kinds · u32 day on which its messages were accepted (20261122; 0: that of
 * the job), then of each kind 2 octets ISO 3166 (0: no country) · u8 channel · f64 price of a part in millionths (-1: none); then one octet per record that names its kind.
 */
import { limits } from '../contract/limits.js'
import { CHANNELS, type ChannelName } from '../contract/message.js'

const HEAD_BYTES = 6
const KIND_BYTES = 11
const NO_PRICE = -1

export interface BlockKind {
  /** ISO 3166; '' = a network of no country. */
  country: string
  channel: ChannelName
  /** Of one part, in millionths of the account's currency; null: the account had no price for it. */
  partPrice: number | null
}

/** Kinds of the block that is being filled. Per record: mostly the kind of the one before. */
export class KindTable {
  readonly #countries: string[] = []
  readonly #channels: number[] = []
  readonly #prices: (number | null)[] = []
  readonly #ofRecord = new Uint8Array(limits.messagesPerBlock)
  #last = -1

  /** Octets that the table of a block of so many records takes. */
  size(records: number): number {
    return HEAD_BYTES + this.#countries.length * KIND_BYTES + records
  }

  set(place: number, { country, channel, partPrice }: { country: string; channel: number; partPrice: number | null }) {
    const last = this.#last
    const isLast = last >= 0 && this.#is(last, country, channel, partPrice)
    if (!isLast) this.#last = this.#find(country, channel, partPrice)
    this.#ofRecord[place] = this.#last
  }

  #is(kind: number, country: string, channel: number, partPrice: number | null): boolean {
    return this.#countries[kind] === country && this.#prices[kind] === partPrice && this.#channels[kind] === channel
  }

  #find(country: string, channel: number, partPrice: number | null): number {
    for (let kind = 0; kind < this.#countries.length; kind++) {
      if (this.#is(kind, country, channel, partPrice)) return kind
    }
    this.#countries.push(country)
    this.#channels.push(channel)
    return this.#prices.push(partPrice) - 1
  }

  /** Of a block of so many records, accepted on this day. */
  write(bytes: Buffer, start: number, { records, day }: { records: number; day: number }): void {
    bytes.writeUInt16LE(this.#countries.length, start)
    let at = bytes.writeUInt32LE(day, start + 2)
    for (let kind = 0; kind < this.#countries.length; kind++, at += KIND_BYTES) {
      bytes.fill(0, at, at + 2)
      bytes.latin1Write(this.#countries[kind]!, at, 2)
      bytes[at + 2] = this.#channels[kind]!
      bytes.writeDoubleLE(this.#prices[kind] ?? NO_PRICE, at + 3)
    }
    bytes.set(this.#ofRecord.subarray(0, records), at)
  }

  clear(): void {
    this.#countries.length = 0
    this.#channels.length = 0
    this.#prices.length = 0
    this.#last = -1
  }
}

/** Where the table that begins at `start` ends; behind the block where it does not fit. */
export function endOfKinds(bytes: Buffer, start: number, records: number): number {
  if (start + HEAD_BYTES > bytes.length) return bytes.length + 1
  return start + HEAD_BYTES + bytes.readUInt16LE(start) * KIND_BYTES + records
}

/** Of a block whose head is intact. */
export function readKinds(bytes: Buffer, start: number): BlockKind[] {
  const kinds: BlockKind[] = []
  const end = start + HEAD_BYTES + bytes.readUInt16LE(start) * KIND_BYTES
  for (let at = start + HEAD_BYTES; at < end; at += KIND_BYTES) {
    const price = bytes.readDoubleLE(at + 3)
    kinds.push({
      country: bytes[at] === 0 ? '' : bytes.latin1Slice(at, at + 2),
      channel: CHANNELS[bytes[at + 2]!] ?? 'sms',
      partPrice: price === NO_PRICE ? null : price,
    })
  }
  return kinds
}

/** Of a block whose head is intact; 0: that of its job. */
export function readDay(bytes: Buffer, start: number): number {
  return bytes.readUInt32LE(start + 2)
}
