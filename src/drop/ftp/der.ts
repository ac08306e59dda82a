/**
 * The few forms of DER (X.690 §8 and §10) that a certificate needs. Each function gives one element with its tag and length.
 */

export function der(tag: number, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content])
}

function lengthOf(length: number): Buffer {
  if (length < 128) return Buffer.from([length])
  const octets: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256)
  return Buffer.from([0x80 | octets.length, ...octets])
}

export function sequence(...contents: Uint8Array[]): Buffer {
  return der(0x30, ...contents)
}

export function setOf(...contents: Uint8Array[]): Buffer {
  return der(0x31, ...contents)
}

/** Non-negative, big-endian; a leading bit of one is kept from meaning a minus. */
export function integer(octets: Uint8Array): Buffer {
  return der(0x02, ...(octets[0]! >= 128 ? [Buffer.from([0])] : []), octets)
}

/** From dotted decimals: `2.5.4.3`. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(value: number): number[] {
  const octets = [value & 127]
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) octets.unshift((rest & 127) | 128)
  return octets
}

export function utf8String(text: string): Buffer {
  return der(0x0c, Buffer.from(text))
}

export function bitString(octets: Uint8Array): Buffer {
  return der(0x03, Buffer.from([0]), octets)
}

export function octetString(octets: Uint8Array): Buffer {
  return der(0x04, octets)
}

export function boolean(value: boolean): Buffer {
  return der(0x01, Buffer.from([value ? 255 : 0]))
}

/** UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5). */
export function time(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().replace(/[-:T]/g, '').slice(0, 14)
  return Number(digits.slice(0, 4)) < 2050
    ? der(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : der(0x18, Buffer.from(`${digits}Z`))
}
