/**
 * A capture file (libpcap 2.4, link type RAW) of octets that went over TCP connections, or of messages, for Wireshark and
 * tshark.
 *
 * Only the application's octets are known here: the IPv4 (RFC 791), TCP (RFC 9293) and UDP (RFC 768) headers around them are
 * made up, with right lengths, checksums and sequence numbers. Addresses are of TEST-NET-1 (RFC 5737): .1 is ours, .2 the
 * carrier, and .3 to .199 its further gateways.
 */

/** One run of octets of one connection. */
export interface CapturedOctets {
  /** Epoch ms. */
  at: number
  /** Tells connections apart; 0…20,000. */
  connection: number
  /** Seen from us. */
  direction: 'out' | 'in'
  octets: Uint8Array
}

const OURS = 0xc0000201
const THEIRS = 0xc0000202
const FIRST_PORT = 40_000
const PORTS = 20_000
const IP_BYTES = 20
const TCP_BYTES = 20
const UDP_BYTES = 8
const TCP = 6
const UDP = 17
const GATEWAYS = 198
/** With its headers a datagram fits the length field of IP. */
const DATAGRAM_BYTES = 65_507
const SEGMENT_BYTES = 60_000
const RECORD_BYTES = 16
const PUSH_ACK = 0x18

/** What stands at the begin of the file. */
export function pcapHeader(): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(0xa1b2c3d4, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(262_144, 16)
  header.writeUInt32LE(101, 20)
  return header
}

/** Writes records; keeps the sequence numbers of each connection. */
export class PcapWriter {
  readonly #theirPort: number
  /** By connection: next sequence number of ours and of theirs. */
  readonly #next = new Map<number, { out: number; in: number }>()

  /** `port`: that of the carrier, by which a dissector knows the protocol. */
  constructor(port: number) {
    this.#theirPort = port
  }

  /** Packets of one captured run, in one buffer. */
  record(captured: CapturedOctets): Buffer {
    const records: Buffer[] = []
    for (let from = 0; from < captured.octets.length; from += SEGMENT_BYTES) {
      records.push(this.#packet(captured, captured.octets.subarray(from, from + SEGMENT_BYTES)))
    }
    return Buffer.concat(records)
  }

  #packet({ at, connection, direction }: CapturedOctets, octets: Uint8Array): Buffer {
    const length = IP_BYTES + TCP_BYTES + octets.length
    const packet = recordOf(at, length)
    const isOurs = direction === 'out'
    const ip = packet.subarray(RECORD_BYTES)
    writeIp(ip, TCP, addressesOf(isOurs, THEIRS))
    const next = this.#nextOf(connection)
    const tcp = ip.subarray(IP_BYTES)
    const ourPort = FIRST_PORT + (connection % PORTS)
    tcp.writeUInt16BE(isOurs ? ourPort : this.#theirPort, 0)
    tcp.writeUInt16BE(isOurs ? this.#theirPort : ourPort, 2)
    tcp.writeUInt32BE(isOurs ? next.out : next.in, 4)
    tcp.writeUInt32BE(isOurs ? next.in : next.out, 8)
    tcp[12] = (TCP_BYTES / 4) << 4
    tcp[13] = PUSH_ACK
    tcp.writeUInt16BE(0xffff, 14)
    tcp.set(octets, TCP_BYTES)
    tcp.writeUInt16BE(checksum(tcp, ip), 16)
    if (isOurs) next.out = (next.out + octets.length) >>> 0
    else next.in = (next.in + octets.length) >>> 0
    return packet
  }

  #nextOf(connection: number): { out: number; in: number } {
    let next = this.#next.get(connection)
    if (next === undefined) {
      next = { out: 1, in: 1 }
      this.#next.set(connection, next)
    }
    return next
  }
}

/** One message as a datagram between the ports by which a dissector knows its protocol. `connection`: number of the gateway. */
export function datagramRecord({ at, connection, direction, octets }: CapturedOctets, port: number): Buffer {
  const size = Math.min(octets.length, DATAGRAM_BYTES)
  const packet = recordOf(at, IP_BYTES + UDP_BYTES + size)
  const ip = packet.subarray(RECORD_BYTES)
  writeIp(ip, UDP, addressesOf(direction === 'out', THEIRS + (Math.max(0, connection) % GATEWAYS)))
  const udp = ip.subarray(IP_BYTES)
  udp.writeUInt16BE(port, 0)
  udp.writeUInt16BE(port, 2)
  udp.writeUInt16BE(udp.length, 4)
  udp.set(octets.subarray(0, size), UDP_BYTES)
  // 0 would say that there is none.
  udp.writeUInt16BE(checksum(udp, ip) || 0xffff, 6)
  return packet
}

function recordOf(at: number, length: number): Buffer {
  const packet = Buffer.alloc(RECORD_BYTES + length)
  packet.writeUInt32LE(Math.floor(at / 1000), 0)
  packet.writeUInt32LE((at % 1000) * 1000, 4)
  packet.writeUInt32LE(length, 8)
  packet.writeUInt32LE(length, 12)
  return packet
}

interface Addresses {
  from: number
  to: number
}

function addressesOf(isOurs: boolean, theirs: number): Addresses {
  return isOurs ? { from: OURS, to: theirs } : { from: theirs, to: OURS }
}

function writeIp(ip: Buffer, protocol: number, { from, to }: Addresses): void {
  ip[0] = 0x45
  ip.writeUInt16BE(ip.length, 2)
  ip[8] = 64
  ip[9] = protocol
  ip.writeUInt32BE(from, 12)
  ip.writeUInt32BE(to, 16)
  ip.writeUInt16BE(folded(sumOf(ip.subarray(0, IP_BYTES), 0)), 10)
}

/** Of TCP and UDP: over the pseudo header too (RFC 9293 §3.1), which is made of the IP header. */
function checksum(segment: Buffer, ip: Buffer): number {
  const pseudo = Buffer.alloc(12)
  ip.copy(pseudo, 0, 12, 20)
  pseudo[9] = ip[9]!
  pseudo.writeUInt16BE(segment.length, 10)
  return folded(sumOf(segment, sumOf(pseudo, 0)))
}

function sumOf(bytes: Buffer, from: number): number {
  let sum = from
  for (let at = 0; at + 1 < bytes.length; at += 2) sum += bytes.readUInt16BE(at)
  return bytes.length % 2 === 1 ? sum + (bytes.at(-1)! << 8) : sum
}

/** The complement of the ones' complement sum. */
function folded(sum: number): number {
  let rest = sum
  while (rest > 0xffff) rest = (rest & 0xffff) + Math.floor(rest / 0x10000)
  return ~rest & 0xffff
}
