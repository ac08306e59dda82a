/**
 * A document as MessagePack and back. A key `__proto__` is no danger to us and may stand in the header of anybody's file, but
 * the decoder refuses it, and a record that cannot be read again would keep the engine from starting: under its stand-in
 * it is read like any other. Any thread.
 */
import { decode, encode } from '@msgpack/msgpack'
import { bodyOf, checkedBytes } from './checked-bytes.js'

const PROTO = '__proto__'
/** No label has a NUL: a file with one is no text. */
const STAND_IN = `\u0000${PROTO}`

export function packed(value: object): Buffer {
  const bytes = bytesOf(value)
  return checkedBytes(bytes.includes(PROTO) ? bytesOf(renamed(value, PROTO, STAND_IN)) : bytes)
}

/** `name`: of the record. @throws EngineError STORE_CORRUPT. */
export function unpacked<T extends object>(bytes: Buffer, name: string): T {
  const value = decode(bodyOf(bytes, name))
  return (bytes.includes(STAND_IN) ? renamed(value, STAND_IN, PROTO) : value) as T
}

function bytesOf(value: unknown): Buffer {
  const { buffer, byteOffset, byteLength } = encode(value, { ignoreUndefined: true })
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** The same with another name for every key `from`. What is made from entries gets a key of its own and no prototype. */
function renamed(value: unknown, from: string, to: string): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, from, to))
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key === from ? to : key, renamed(item, from, to)]),
  )
}
