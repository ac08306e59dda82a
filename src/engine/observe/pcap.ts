/**
 * A capture file (libpcap 2.4, link type RAW) of octets that went over TCP connections, for Wireshark and tshark.
 *
 * Only the application's octets are known here: the IPv4 (RFC 791) and TCP (RFC 9293) headers around them are made up,
 * with right lengths, checksums and sequence numbers. Addresses are of TEST-NET-1 (RFC 5737): .1 is ours, .2 the carrier.
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
    const packet = Buffer.alloc(RECORD_BYTES + length)
    packet.writeUInt32LE(Math.floor(at / 1000), 0)
    packet.writeUInt32LE((at % 1000) * 1000, 4)
    packet.writeUInt32LE(length, 8)
    packet.writeUInt32LE(length, 12)
    const isOurs = direction === 'out'
    const ip = packet.subarray(RECORD_BYTES)
    writeIp(ip, length, isOurs)
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
    tcp.writeUInt16BE(tcpChecksum(tcp, isOurs), 16)
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

function writeIp(ip: Buffer, length: number, isOurs: boolean): void {
  ip[0] = 0x45
  ip.writeUInt16BE(length, 2)
  ip[8] = 64
  ip[9] = 6
  ip.writeUInt32BE(isOurs ? OURS : THEIRS, 12)
  ip.writeUInt32BE(isOurs ? THEIRS : OURS, 16)
  ip.writeUInt16BE(folded(sumOf(ip.subarray(0, IP_BYTES), 0)), 10)
}

/** Over the pseudo header too (RFC 9293 §3.1); it is the same in both directions. */
function tcpChecksum(tcp: Buffer, isOurs: boolean): number {
  const pseudo = Buffer.alloc(12)
  pseudo.writeUInt32BE(isOurs ? OURS : THEIRS, 0)
  pseudo.writeUInt32BE(isOurs ? THEIRS : OURS, 4)
  pseudo[9] = 6
  pseudo.writeUInt16BE(tcp.length, 10)
  return folded(sumOf(tcp, sumOf(pseudo, 0)))
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
