/**
 * Which IP addresses the public can have receivers at: everything that the IANA special-purpose registries (RFC 6890 and
 * its successors) do not set apart. Addresses come in as the text that a resolver or a URL parser writes.
 */
import { isIPv4, isIPv6 } from 'node:net'

/** First address and prefix length of what is not public. */
const BLOCKED_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // Azure answers with its platform's own services here.
  ['168.63.129.16', 32],
]

/** Within 2000::/3, outside of which nothing is public: protocol assignments with Teredo, documentation, 6to4, 6bone. */
const BLOCKED_V6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3ffe::', 16],
  ['3fff::', 20],
]
/** IPv4-mapped (RFC 4291) and NAT64 (RFC 6052): the last four octets are the address that is reached. */
const EMBEDDING: readonly (readonly [string, number])[] = [
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
]
const GLOBAL_UNICAST = ['2000::', 3] as const

interface Range {
  first: Uint8Array
  bits: number
}

function rangeOf([first, bits]: readonly [string, number]): Range {
  return { first: octetsOf(first)!, bits }
}
const blockedV4 = BLOCKED_V4.map(rangeOf)
const blockedV6 = BLOCKED_V6.map(rangeOf)
const embedding = EMBEDDING.map(rangeOf)
const globalUnicast = rangeOf(GLOBAL_UNICAST)

/** False also for what is no address at all. */
export function isPublicAddress(address: string): boolean {
  const octets = octetsOf(address)
  if (octets === null) return false
  if (octets.length === 4) return !blockedV4.some((range) => isIn(octets, range))
  if (embedding.some((range) => isIn(octets, range))) {
    return !blockedV4.some((range) => isIn(octets.subarray(12), range))
  }
  return isIn(octets, globalUnicast) && !blockedV6.some((range) => isIn(octets, range))
}

function isIn(octets: Uint8Array, { first, bits }: Range): boolean {
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = bits - bit >= 8 ? 0xff : (0xff << (8 - (bits - bit))) & 0xff
    if ((octets[bit / 8]! & mask) !== (first[bit / 8]! & mask)) return false
  }
  return true
}

/** 4 or 16 octets; null: not an address. A zone id makes none, since only link-local addresses have one. */
function octetsOf(address: string): Uint8Array | null {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number)
  if (!isIPv6(address) || address.includes('%')) return null
  return sixteenOctets(address)
}

function sixteenOctets(address: string): Uint8Array {
  const octets = new Uint8Array(16)
  const [head, tail] = address.split('::') as [string, string | undefined]
  const front = groupsOf(head)
  const back = groupsOf(tail ?? '')
  octets.set(front, 0)
  octets.set(back, 16 - back.length)
  return octets
}

/** Octets of colon-separated groups, the last of which may be a dotted IPv4 address. */
function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number)
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 255]
  })
}
