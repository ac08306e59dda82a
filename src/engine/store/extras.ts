/**
 * Table `extras`: message ref → MessagePack of MessageExtras, and table `references`: [account, first 48 bits of the
 * reference's SHA-256, ref], by which messages are found again. A hash, since keys are bounded and references are not ours
 * to choose; who looks up compares the text. Any thread.
 */
import { hash } from 'node:crypto'
import { decode, encode } from '@msgpack/msgpack'
import type { MessageExtras, NewExtras } from '../contract/extras.js'
import type { MessageRef } from '../contract/message.js'
import type { Environment } from './environment.js'

type Tables = Pick<Environment, 'extras' | 'references'>

const NOTHING = Buffer.alloc(0)

/** 48 bits of its SHA-256. */
export function printOf(reference: string): number {
  return hash('sha256', reference, 'buffer').readUIntBE(0, 6)
}

/** Within a transaction of the caller. */
export function putExtras(tables: Tables, { ref, account, ...extras }: NewExtras): void {
  tables.extras.put(ref, Buffer.from(encode(extras, { ignoreUndefined: true })))
  const { clientReference } = extras
  if (clientReference !== undefined) tables.references.put([account, printOf(clientReference), ref], NOTHING)
}

/** Takes them back with their message, within a transaction of the caller. */
export function removeExtras(tables: Tables, account: number, ref: MessageRef): void {
  const { clientReference } = readExtras(tables, ref)
  tables.extras.remove(ref)
  if (clientReference !== undefined) tables.references.remove([account, printOf(clientReference), ref])
}

export function readExtras(tables: Pick<Tables, 'extras'>, ref: MessageRef): MessageExtras {
  const bytes = tables.extras.getBinary(ref)
  return bytes === undefined ? {} : (decode(bytes) as MessageExtras)
}

/** Messages of the account with this reference and a ref below `before`, from the newest. */
export function* withReference(
  tables: Tables,
  asked: { account: number; reference: string; before: number },
): Iterable<MessageRef> {
  const { account, reference, before } = asked
  const print = printOf(reference)
  const range = { start: [account, print, before - 1], end: [account, print], reverse: true }
  for (const key of tables.references.getKeys(range)) {
    const ref = key[2] as MessageRef
    if (readExtras(tables, ref).clientReference === reference) yield ref
  }
}
