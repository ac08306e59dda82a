/**
 * Where requests come from: ranges of addresses (CIDR, RFC 4632 and RFC 4291 §2.3), and the name that limits count by.
 * An IPv4 address that is mapped into IPv6 (RFC 4291 §2.5.5.2) is the IPv4 address.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net'

export interface AddressRange {
  address: string
  prefix: number
  family: 'ipv4' | 'ipv6'
}

const MAPPED_BITS = 96
const GROUPS = 8
/** One customer has a /64 at least, and as many addresses in it as it likes. */
const GROUPS_COUNTED = 4

/** `10.0.0.0/8`, `2001:db8::/32` or a single address; null: neither. */
export function parseRange(text: string): AddressRange | null {
  const match = /^([^/%\s]+)(?:\/(\d{1,3}))?$/.exec(text)
  if (match === null) return null
  const [, address = '', length] = match
  if (isIPv4(address)) return ranged(address, 'ipv4', length, 32)
  if (!isIPv6(address)) return null
  const mapped = mappedAddress(address)
  if (mapped === null) return ranged(address, 'ipv6', length, 128)
  const prefix = length === undefined ? 32 : Number(length) - MAPPED_BITS
  return prefix < 0 || prefix > 32 ? null : { address: mapped, prefix, family: 'ipv4' }
}

function ranged(
  address: string,
  family: AddressRange['family'],
  length: string | undefined,
  bits: number,
): AddressRange | null {
  const prefix = length === undefined ? bits : Number(length)
  return prefix > bits ? null : { address, prefix, family }
}

/** Ranges that an address is looked up in. */
export class AddressRanges {
  readonly #list = new BlockList()

  /** Texts that are no range are left out: check them with parseRange before. */
  constructor(texts: readonly string[]) {
    for (const text of texts) {
      const range = parseRange(text)
      if (range !== null) this.#list.addSubnet(range.address, range.prefix, range.family)
    }
  }

  has(address: string): boolean {
    const plain = plainAddress(address)
    if (isIPv4(plain)) return this.#list.check(plain, 'ipv4')
    return isIPv6(plain) && this.#list.check(plain, 'ipv6')
  }
}

/** Without the zone of a link-local address, and with a mapped IPv4 address as what it is. */
export function plainAddress(address: string): string {
  if (!address.includes(':')) return address
  const bare = address.split('%')[0]!
  return mappedAddress(bare) ?? bare
}

/** What requests are counted by: an IPv4 address, or the /64 of an IPv6 address. */
export function addressName(address: string): string {
  const plain = plainAddress(address)
  if (!plain.includes(':')) return plain
  const groups = groupsOf(plain)
  return groups === null ? plain : `${groups.slice(0, GROUPS_COUNTED).map(hex).join(':')}::/64`
}

/** Mapped addresses have 80 bits of zero and 16 of one in front. */
function mappedAddress(address: string): string | null {
  const groups = groupsOf(address)
  if (groups === null || groups[5] !== 0xffff || groups.slice(0, 5).some((group) => group !== 0)) return null
  return [groups[6]! >>> 8, groups[6]! & 255, groups[7]! >>> 8, groups[7]! & 255].join('.')
}

/** The eight groups of an IPv6 address; null: it is none. */
function groupsOf(address: string): number[] | null {
  if (!isIPv6(address)) return null
  const [head = '', tail] = dottedToGroups(address).split('::')
  const front = numbersOf(head)
  if (tail === undefined) return front
  const back = numbersOf(tail)
  return [...front, ...new Array<number>(GROUPS - front.length - back.length).fill(0), ...back]
}

/** `::ffff:10.0.0.1` → `::ffff:a00:1`. */
function dottedToGroups(address: string): string {
  const match = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
  if (match === null) return address
  const [a = 0, b = 0, c = 0, d = 0] = match.slice(2).map(Number)
  return `${match[1]}${hex(a * 256 + b)}:${hex(c * 256 + d)}`
}

function numbersOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

function hex(group: number): string {
  return group.toString(16)
}
