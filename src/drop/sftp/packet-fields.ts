/** Reads the fields of one SFTP packet (§3, §5). Whatever does not fit throws BadPacket, which is answered. Site thread. */
import { decodeName } from '../site/drop-names.js'
import { ATTRIBUTE } from './sftp-constants.js'

export class BadPacket extends Error {}

/** What a client wants a file to be; absent: as it is. */
export interface AskedAttributes {
  size?: number
}

const EXTENDED_MAX = 64

export class PacketFields {
  readonly #packet: Buffer
  #at: number

  constructor(packet: Buffer, at: number) {
    this.#packet = packet
    this.#at = at
  }

  uint32(): number {
    const at = this.#step(4)
    return this.#packet.readUInt32BE(at)
  }

  /** @throws BadPacket: beyond what a number holds exactly. */
  uint64(): number {
    const value = Number(this.#packet.readBigUInt64BE(this.#step(8)))
    if (!Number.isSafeInteger(value)) throw new BadPacket('a position beyond every file')
    return value
  }

  /** A view of the packet. */
  octets(): Buffer {
    const length = this.uint32()
    const at = this.#step(length)
    return this.#packet.subarray(at, at + length)
  }

  path(): string {
    return decodeName(this.octets())
  }

  text(): string {
    return this.octets().toString('latin1')
  }

  attributes(): AskedAttributes {
    const flags = this.uint32()
    const asked: AskedAttributes = {}
    if ((flags & ATTRIBUTE.size) !== 0) asked.size = this.uint64()
    if ((flags & ATTRIBUTE.owner) !== 0) this.#step(8)
    if ((flags & ATTRIBUTE.permissions) !== 0) this.#step(4)
    if ((flags & ATTRIBUTE.times) !== 0) this.#step(8)
    if ((flags & ATTRIBUTE.extended) !== 0) this.#skipExtended()
    return asked
  }

  #skipExtended(): void {
    const count = this.uint32()
    if (count > EXTENDED_MAX) throw new BadPacket('too many extended attributes')
    for (let pair = 0; pair < count * 2; pair++) this.octets()
  }

  #step(bytes: number): number {
    const at = this.#at
    if (at + bytes > this.#packet.length) throw new BadPacket('the packet is cut short')
    this.#at = at + bytes
    return at
  }
}
