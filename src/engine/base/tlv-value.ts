/**
 * Custom optional parameters (SMPP 3.4 §3.2.4): from what people write to octets, and the text in which a block keeps
 * the fields of its messages. Any thread; once per job, per message that comes alone, or per template.
 */
import { limits } from '../contract/limits.js'
import type { SubmitFields, SubmitSettings, Tlv, TlvBytes } from '../contract/submit-fields.js'

/** Written by the engine itself: sar_msg_ref_num, sar_total_segments, sar_segment_seqnum, message_payload. */
const OWN_TAGS = new Set([0x020c, 0x020e, 0x020f, 0x0424])
const INT_BYTES = { int8: 1, int16: 2, int32: 4 } as const
const NO_ELEMENTS = Buffer.alloc(0)
const NO_FIELDS: SubmitFields = { flash: false, tlvs: [], elements: NO_ELEMENTS }

export interface TlvProblem {
  /** Position in the list and key: [0, 'value']. */
  place: (number | string)[]
  text: string
}

/** Every parameter that cannot be sent, in words; empty: all can. */
export function tlvProblems(tlvs: readonly Tlv[]): TlvProblem[] {
  const problems: TlvProblem[] = []
  const tags = new Set<number>()
  let bytes = 0
  if (tlvs.length > limits.tlvs) problems.push({ place: [], text: `must have at most ${limits.tlvs} entries` })
  for (const [index, tlv] of tlvs.entries()) {
    const tag = tagOf(tlv)
    const value = octetsOf(tlv)
    if (Number.isNaN(tag)) problems.push({ place: [index, 'tag'], text: 'must be from 1 to 0xFFFF' })
    else if (OWN_TAGS.has(tag)) problems.push({ place: [index, 'tag'], text: 'is set by the engine itself' })
    else if (tags.has(tag)) problems.push({ place: [index, 'tag'], text: 'stands there twice' })
    if (typeof value === 'string') problems.push({ place: [index, 'value'], text: value })
    else bytes += value.length
    tags.add(tag)
  }
  if (bytes > limits.tlvBytes) problems.push({ place: [], text: `must not hold more than ${limits.tlvBytes} octets` })
  return problems
}

/** Call only when `tlvProblems` finds none. */
export function tlvBytes(tlvs: readonly Tlv[]): TlvBytes[] {
  return tlvs.map((tlv) => ({ tag: tagOf(tlv), value: octetsOf(tlv) as Buffer }))
}

/** NaN: no tag. */
function tagOf({ tag }: Tlv): number {
  const number = typeof tag === 'string' && !/^0x[0-9a-f]{1,4}$/i.test(tag) ? Number.NaN : Number(tag)
  return Number.isInteger(number) && number >= 1 && number <= 0xffff ? number : Number.NaN
}

/** The octets, or what is wrong with the value. */
function octetsOf({ type = 'string', value }: Tlv): Buffer | string {
  if (type === 'int8' || type === 'int16' || type === 'int32') return integerOf(value, INT_BYTES[type])
  const text = String(value)
  if (type === 'hex') {
    if (!/^(?:[0-9a-f]{2})*$/i.test(text)) return 'must be pairs of hex digits'
    return Buffer.from(text, 'hex')
  }
  if (/[^\x00-\xff]/u.test(text)) return 'must be Latin-1 text; write other octets as hex'
  if (type === 'cstring' && text.includes('\0')) return 'must not hold a NUL'
  return Buffer.from(type === 'cstring' ? `${text}\0` : text, 'latin1')
}

function integerOf(value: string | number, bytes: number): Buffer | string {
  const most = 2 ** (8 * bytes) - 1
  const digits = typeof value === 'number' ? value : /^[0-9]+$/.test(value) ? Number(value) : Number.NaN
  if (!Number.isInteger(digits) || digits < 0 || digits > most) return `must be an integer from 0 to ${most}`
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntBE(digits, 0, bytes)
  return buffer
}

/** The text that a block keeps: '' when the settings ask for nothing. Call only for settings without problems. */
export function packFields(settings: SubmitSettings): string {
  const { flash = false, tlvs = [], udh = '' } = settings
  if (!flash && tlvs.length === 0 && udh === '') return ''
  const packed = tlvBytes(tlvs).map(({ tag, value }) => [tag, value.toString('hex')])
  return JSON.stringify({
    ...(flash ? { flash } : {}),
    ...(packed.length > 0 ? { tlvs: packed } : {}),
    ...(udh === '' ? {} : { udh }),
  })
}

interface Packed {
  flash?: boolean
  tlvs?: [tag: number, hex: string][]
  udh?: string
}

/** Reverses `packFields`; the text is covered by the block's checksum, so it is taken as it stands. */
export function unpackFields(text: string): SubmitFields {
  if (text === '') return NO_FIELDS
  const { flash = false, tlvs = [], udh = '' } = JSON.parse(text) as Packed
  return {
    flash,
    tlvs: tlvs.map(([tag, hex]) => ({ tag, value: Buffer.from(hex, 'hex') })),
    elements: udh === '' ? NO_ELEMENTS : Buffer.from(udh, 'hex').subarray(1),
  }
}
