/**
 * Public keys as OpenSSH writes them in a .pub file: type, base64, comment (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4).
 * Checked octet by octet before one is stored. Main thread.
 */
import { createHash } from 'node:crypto'

export interface PublicKey {
  type: string
  /** As SSH writes it, in base64: what a client is compared by. */
  blob: string
  comment: string
}

const RSA_BITS_MIN = 2_048
const RSA_BITS_MAX = 16_384
const ED25519_BYTES = 32
/** Octets of an uncompressed point by curve. */
const POINT_BYTES: Readonly<Record<string, number>> = { nistp256: 65, nistp384: 97, nistp521: 133 }
const COMMENT_MAX = 256

/** The key, or why it is none. */
export function parsePublicKey(line: string): PublicKey | { problem: string } {
  const [type = '', base64 = '', ...rest] = line.trim().split(/\s+/)
  if (/PRIVATE KEY/.test(line)) return { problem: 'is a private key; give the line of the .pub file' }
  if (!/^(ssh|ecdsa|sk)-[a-z0-9@.-]+$/.test(type)) {
    return { problem: 'must be one line of a .pub file: type, key, comment' }
  }
  const octets = Buffer.from(base64, 'base64')
  if (octets.length === 0 || octets.toString('base64') !== base64) return { problem: 'is damaged: no base64' }
  const fields = fieldsOf(octets)
  if (fields === null || fields[0]?.toString('latin1') !== type) return { problem: 'is damaged or cut short' }
  const problem = fieldProblem(type, fields)
  if (problem !== null) return { problem }
  return { type, blob: base64, comment: rest.join(' ').slice(0, COMMENT_MAX) }
}

/** As OpenSSH shows it. */
export function fingerprint({ blob }: PublicKey): string {
  return `SHA256:${createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64').replace(/=+$/, '')}`
}

function fieldProblem(type: string, fields: Buffer[]): string | null {
  if (type === 'ssh-ed25519') return fields.length === 2 && fields[1]!.length === ED25519_BYTES ? null : 'is damaged'
  if (type === 'ssh-rsa') return rsaProblem(fields)
  const curve = /^ecdsa-sha2-(nistp\d+)$/.exec(type)?.[1]
  if (curve === undefined || POINT_BYTES[curve] === undefined) {
    return `is of type ${type}; use ssh-ed25519, ecdsa-sha2-nistp256, -384 or -521, or ssh-rsa`
  }
  const [, name, point] = fields
  const fits = fields.length === 3 && name!.toString('latin1') === curve && point!.length === POINT_BYTES[curve]
  return fits && point![0] === 4 ? null : 'is damaged'
}

function rsaProblem([, exponent, modulus, ...more]: Buffer[]): string | null {
  if (exponent === undefined || modulus === undefined || more.length > 0) return 'is damaged'
  const bits = bitsOf(modulus)
  if (bits < RSA_BITS_MIN) return `has ${bits} bits; RSA needs ${RSA_BITS_MIN} at least`
  if (bits > RSA_BITS_MAX) return `has ${bits} bits; ${RSA_BITS_MAX} is the most`
  return bitsOf(exponent) >= 2 && (exponent.at(-1)! & 1) === 1 ? null : 'is damaged'
}

function bitsOf(number: Buffer): number {
  const first = number.findIndex((octet) => octet !== 0)
  return first < 0 ? 0 : (number.length - first) * 8 - Math.clz32(number[first]!) + 24
}

/** Strings of uint32 length each, to the last octet; null: they do not come out even. */
function fieldsOf(octets: Buffer): Buffer[] | null {
  const fields: Buffer[] = []
  let at = 0
  while (at < octets.length) {
    if (at + 4 > octets.length) return null
    const end = at + 4 + octets.readUInt32BE(at)
    if (end > octets.length) return null
    fields.push(octets.subarray(at + 4, end))
    at = end
  }
  return fields
}
