/** Whom an erasure is about: a telephone number or an email address, of one account or of all. Any thread. */
import { addressKey } from '../base/address-key.js'
import { looseFit, looseNumber } from '../base/loose-number.js'
import type { BlockReader } from '../store/block.js'

export interface Subject {
  /** As messages store it: digits without a plus sign, or the email address in lower case. */
  stored: string
  isEmail: boolean
  /** Number of the account; null: of every account. */
  account: number | null
}

/** As the tables of suppressions and duplicates have it. */
export function keyOfSubject({ stored, isEmail }: Subject): number {
  return isEmail ? addressKey(stored) : Number(stored)
}

/** As conversations have it; 0: it has none. */
export function talkerOf({ stored, isEmail }: Subject): number {
  return isEmail ? 0 : looseNumber(stored, 1)
}

/** False at once for a block that cannot have it: one look over its octets. */
export function mayHold(subject: Subject, bytes: Buffer): boolean {
  return subject.isEmail ? bytes.includes('@') : bytes.includes(subject.stored, 0, 'latin1')
}

/** Places of the block whose messages go to it. */
export function placesOf(subject: Subject, reader: BlockReader): number[] {
  const places: number[] = []
  if (subject.account !== null && reader.account !== subject.account) return places
  for (let place = 0; place < reader.count; place++) {
    if (reader.verified(place) >= 0 && isRecipient(subject, reader, place)) places.push(place)
  }
  return places
}

function isRecipient({ stored, isEmail }: Subject, reader: BlockReader, place: number): boolean {
  const address = reader.address(place)
  if (isEmail) return address?.toLowerCase() === stored
  return address === null && reader.digits(place) === stored
}

/** Of an address as a carrier or a subscriber wrote it. */
export function isWrittenBy(subject: Subject, address: string, ton = 0): boolean {
  if (subject.isEmail) return address.trim().toLowerCase() === subject.stored
  return looseFit(looseNumber(address, ton), talkerOf(subject)) > 0
}
