/**
 * Message ids of responses and receipts, brought to one form (carriers.md 14 to 19). The spec calls message_id opaque, yet
 * carriers change case, drop or add leading zeros, or write hex in one place and decimal in the other.
 *
 * A response is indexed under `canonical`; a receipt is looked for under what `convert` makes of its id. Hex digits lose case
 * and leading zeros on both sides, since that can mix up nothing; anything else (UUIDs) stays as it is.
 */

/** What the configuration may say. */
export type IdFormat = 'auto' | IdForm
/** How the id of a receipt differs from that of its response; hexToDec: the receipt is hex, the response decimal. */
export type IdForm = 'same' | 'hexToDec' | 'decToHex' | 'hexString' | 'ignoreCase'

/** An id as a place in a buffer. */
export interface IdView {
  bytes: Buffer
  start: number
  length: number
}

/** One way to turn the id of a receipt into that of a response; some forms have two, tried one after the other. */
export type Step = 'same' | 'hexToDec' | 'decToHex' | 'fromHexString' | 'toHexString' | 'lower' | 'upper'

const STEPS: Readonly<Record<IdForm, readonly Step[]>> = {
  same: ['same'],
  hexToDec: ['hexToDec'],
  decToHex: ['decToHex'],
  hexString: ['fromHexString', 'toHexString'],
  ignoreCase: ['same', 'lower', 'upper'],
}
/**
 * Where the operator says it: the two directions of one conversion are easily mixed up, so both are tried; what cannot be
 * converted (a UUID) may still be the same.
 */
const FIXED_STEPS: Readonly<Record<IdForm, readonly Step[]>> = {
  same: ['same'],
  hexToDec: ['hexToDec', 'decToHex', 'same'],
  decToHex: ['decToHex', 'hexToDec', 'same'],
  hexString: ['fromHexString', 'toHexString', 'same'],
  ignoreCase: ['same'],
}
export const ID_FORMS = Object.keys(STEPS) as IdForm[]

/** Ids beyond it are not numbers. */
const NUMBER_LENGTH = 64
const ID_MAX = 255
const scratch = Buffer.allocUnsafe(1024)

export function stepsOf(form: IdForm, isFixed: boolean): readonly Step[] {
  return isFixed ? FIXED_STEPS[form] : STEPS[form]
}

/** Points `id` at its canonical form, in scratch memory that the next call overwrites where it had to be changed. */
export function canonical(id: IdView, format: IdFormat): void {
  if (format === 'same') return
  if (format === 'ignoreCase') lower(id)
  fold(id)
}

/** Points `id` (of a receipt) at the canonical form of the response's id by this step. False: the step does not apply. */
export function convert(id: IdView, step: Step, format: IdFormat): boolean {
  if (step !== 'same' && !STEP[step](id)) return false
  canonical(id, format)
  return true
}

const STEP: Readonly<Record<Exclude<Step, 'same'>, (id: IdView) => boolean>> = {
  hexToDec: (id) => toRadix(id, 16),
  decToHex: (id) => toRadix(id, 10),
  fromHexString: (id) => fromHexString(id),
  toHexString: (id) => toHexString(id),
  lower: (id) => mapText(id, (text) => text.toLowerCase()),
  upper: (id) => mapText(id, (text) => text.toUpperCase()),
}

/** Drops leading zeros and lowers A to F, only when every character is a hex digit. */
function fold(id: IdView): void {
  const { bytes, start, length } = id
  let hasUpper = false
  for (let at = start; at < start + length; at++) {
    const octet = bytes[at]!
    if (octet >= 0x30 && octet <= 0x39) continue
    const letter = octet | 0x20
    if (letter < 0x61 || letter > 0x66) return
    if (octet !== letter) hasUpper = true
  }
  while (id.length > 1 && bytes[id.start] === 0x30) {
    id.start++
    id.length--
  }
  if (hasUpper) lower(id)
}

function lower(id: IdView): void {
  if (id.length > ID_MAX) return
  for (let at = 0; at < id.length; at++) {
    const octet = id.bytes[id.start + at]!
    scratch[at] = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet
  }
  id.bytes = scratch
  id.start = 0
}

/** Through BigInt, since ids go beyond 2^53 (jasmin#586). */
function toRadix(id: IdView, from: 10 | 16): boolean {
  if (id.length === 0 || id.length > NUMBER_LENGTH) return false
  const text = textOf(id)
  if (!(from === 10 ? /^[0-9]+$/ : /^[0-9a-fA-F]+$/).test(text)) return false
  return put(id, from === 10 ? BigInt(text).toString(16) : BigInt(`0x${text}`).toString(10))
}

/** 414243 → ABC: pairs of hex digits that are all printable. */
function fromHexString(id: IdView): boolean {
  const text = textOf(id)
  return id.length > 1 && /^(?:[2-7][0-9a-fA-F])+$/.test(text) && put(id, Buffer.from(text, 'hex').toString('latin1'))
}

function toHexString(id: IdView): boolean {
  return id.length > 0 && id.length * 2 <= ID_MAX && put(id, Buffer.from(textOf(id), 'latin1').toString('hex'))
}

function mapText(id: IdView, change: (text: string) => string): boolean {
  const text = textOf(id)
  const changed = change(text)
  return changed !== text && id.length <= ID_MAX && put(id, changed)
}

function textOf({ bytes, start, length }: IdView): string {
  return bytes.latin1Slice(start, start + length)
}

function put(id: IdView, text: string): boolean {
  id.length = scratch.latin1Write(text, 0)
  id.bytes = scratch
  id.start = 0
  return true
}
