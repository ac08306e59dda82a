/**
 * Table `extras`: message ref → MessagePack of MessageExtras, and table `references`: [account, begin of the reference, ref],
 * by which messages are found again. Keys are bounded and references are not, so who looks up compares the whole text. The
 * text itself and no hash of it: references mostly count up, and their keys then share pages (a quarter of the time). Any thread.
 */
import { decode, encode } from '@msgpack/msgpack'
import type { MessageExtras, NewExtras } from '../contract/extras.js'
import type { MessageRef } from '../contract/message.js'
import { bodyOf, checkedBytes } from './checked-bytes.js'
import type { Environment } from './environment.js'

type Tables = Pick<Environment, 'extras' | 'references'>

const NOTHING = Buffer.alloc(0)
const KEY_CHARACTERS = 64

/** As much of a reference as keys have room for. */
export function referenceKey(reference: string): string {
  return reference.slice(0, KEY_CHARACTERS)
}

/** Within a transaction of the caller. */
export function putExtras(tables: Tables, { ref, account, ...extras }: NewExtras): void {
  tables.extras.put(ref, checkedBytes(encode(extras, { ignoreUndefined: true })))
  const { clientReference } = extras
  if (clientReference !== undefined) tables.references.put([account, referenceKey(clientReference), ref], NOTHING)
}

export function readExtras(tables: Pick<Tables, 'extras'>, ref: MessageRef): MessageExtras {
  const bytes = tables.extras.getBinary(ref)
  return bytes === undefined ? {} : (decode(bodyOf(bytes, `the texts of message ${ref}`)) as MessageExtras)
}

/** Messages of the account with this reference and a ref below `before`, from the newest. */
export function* withReference(
  tables: Tables,
  asked: { account: number; reference: string; before: number },
): Iterable<MessageRef> {
  const { account, reference, before } = asked
  const begin = referenceKey(reference)
  const range = { start: [account, begin, before - 1], end: [account, begin], reverse: true }
  for (const key of tables.references.getKeys(range)) {
    const ref = key[2] as MessageRef
    if (readExtras(tables, ref).clientReference === reference) yield ref
  }
}
