/**
 * The last message of a contact: what became of it, packed in 18 octets beside the record. f64 ref, f64 time of the last thing
 * that happened (epoch ms), u8 state, u8 channel. Written by last-messages.ts from the states of blocks. Any thread.
 */
import { CHANNELS, type ChannelName, type MessageRef, STATES, type StateName } from '../contract/message.js'
import type { ContactTables } from './contact-tables.js'

const BYTES = 18

export interface StoredLast {
  ref: MessageRef
  atMs: number
  state: StateName
  channel: ChannelName
}

/** null: nothing was sent since the contact is known. */
export function lastMessage(tables: ContactTables, account: number, id: number): StoredLast | null {
  const bytes = tables.last.getBinary([account, id])
  if (bytes === undefined || bytes.length < BYTES) return null
  return {
    ref: bytes.readDoubleLE(0) as MessageRef,
    atMs: bytes.readDoubleLE(8),
    state: STATES[bytes[16]!] ?? 'queued',
    channel: CHANNELS[bytes[17]!] ?? 'sms',
  }
}

/** A later message takes the place of an earlier one; the same one its later state. */
export function putLast(
  tables: ContactTables,
  place: [account: number, id: number],
  last: { ref: MessageRef; atMs: number; state: number; channel: number },
): void {
  const known = tables.last.getBinary(place)
  if (known !== undefined && known.readDoubleLE(0) > last.ref) return
  const bytes = Buffer.allocUnsafeSlow(BYTES)
  bytes.writeDoubleLE(last.ref, 0)
  bytes.writeDoubleLE(last.atMs, 8)
  bytes[16] = last.state
  bytes[17] = last.channel
  if (known === undefined || !known.equals(bytes)) tables.last.put(place, bytes)
}
