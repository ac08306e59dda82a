/**
 * The token in an unsubscribe link: short, since each character is paid for, and made by ingest threads and the main
 * thread from the same key. Nobody can make one, and nobody can read one: number and account are encrypted.
 *
 * Layout, in base64url: 6 octets of HMAC-SHA256 over what follows, in plain · encrypted by AES-256 in counter mode under
 * that HMAC (a synthetic IV, as RFC 5297): u8 head · account, 1 to 4 octets · number, 7 octets, or 8 as f64; or u8 length of an
 * email address and the address, in whose links no character is paid for · the rest: sender.
 * Head: bits 0–1 octets of the account less one · bit 2 number as f64 · bit 3 an address · bits 4–7 a count that is raised until the token
 * does not end in a mark, where a phone would end the link. 48 bits of HMAC: with a thousand tries a second, which the
 * rate limit does not let through, one forged token in nine thousand years, and it names a number that nobody chose.
 */
import { createCipheriv, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { addressKey } from '../base/address-key.js'

const MAC_BYTES = 6
const TRIES = 16
const WIDE = 4
const ADDRESS = 8
const TRY_SHIFT = 4
const KEY_BYTES = 32
const TOKEN = /^[\w-]{18,760}$/
const LONGEST_EXACT = Number.MAX_SAFE_INTEGER

export interface LinkTarget {
  account: number
  /** Of an email address its key. */
  number: number
  /** In lower case; absent: it is a phone number. */
  address?: string
  /** Bare; '': everything of the account. */
  sender: string
}

export class LinkTokens {
  readonly #macKey: Buffer
  readonly #cipherKey: Buffer

  constructor(secret: Uint8Array) {
    this.#macKey = Buffer.from(hkdfSync('sha256', secret, '', 'unsubscribe mac', KEY_BYTES))
    this.#cipherKey = Buffer.from(hkdfSync('sha256', secret, '', 'unsubscribe cipher', KEY_BYTES))
  }

  make(target: LinkTarget): string {
    const plain = packed(target)
    let token = ''
    for (let attempt = 0; attempt < TRIES; attempt++) {
      plain[0] = (plain[0]! & 0x0f) | (attempt << TRY_SHIFT)
      const mac = this.#mac(plain)
      token = Buffer.concat([mac, this.#crypt(mac, plain)]).toString('base64url')
      const last = token.charCodeAt(token.length - 1)
      if (last !== 0x2d && last !== 0x5f) return token
    }
    return token
  }

  /** null: not ours. Takes the same time whatever is wrong behind the length. */
  read(token: string): LinkTarget | null {
    if (!TOKEN.test(token)) return null
    const bytes = Buffer.from(token, 'base64url')
    // Another spelling of the same octets is another text, and no token.
    if (bytes.toString('base64url') !== token) return null
    const mac = bytes.subarray(0, MAC_BYTES)
    const plain = this.#crypt(mac, bytes.subarray(MAC_BYTES))
    return timingSafeEqual(mac, this.#mac(plain)) ? unpacked(plain) : null
  }

  #mac(plain: Buffer): Buffer {
    return createHmac('sha256', this.#macKey).update(plain).digest().subarray(0, MAC_BYTES)
  }

  #crypt(mac: Buffer, text: Buffer): Buffer {
    const iv = Buffer.alloc(16)
    mac.copy(iv)
    return createCipheriv('aes-256-ctr', this.#cipherKey, iv).update(text)
  }
}

function packed(target: LinkTarget): Buffer {
  const { account, number, address, sender } = target
  const accountBytes = Math.max(1, Math.ceil((32 - Math.clz32(account)) / 8))
  if (address !== undefined) return packedAddress(accountBytes, { account, address, sender })
  const isWide = number > LONGEST_EXACT
  const senderBytes = Buffer.from(sender)
  const numberAt = 1 + accountBytes
  const senderAt = numberAt + (isWide ? 8 : 7)
  const plain = Buffer.alloc(senderAt + senderBytes.length)
  plain[0] = (accountBytes - 1) | (isWide ? WIDE : 0)
  plain.writeUIntBE(account, 1, accountBytes)
  if (isWide) plain.writeDoubleBE(number, numberAt)
  else {
    plain.writeUInt8(Math.floor(number / 2 ** 48), numberAt)
    plain.writeUIntBE(number % 2 ** 48, numberAt + 1, 6)
  }
  senderBytes.copy(plain, senderAt)
  return plain
}

function packedAddress(accountBytes: number, to: { account: number; address: string; sender: string }): Buffer {
  const head = Buffer.alloc(1 + accountBytes + 1)
  head[0] = (accountBytes - 1) | ADDRESS
  head.writeUIntBE(to.account, 1, accountBytes)
  head[1 + accountBytes] = to.address.length
  return Buffer.concat([head, Buffer.from(to.address, 'latin1'), Buffer.from(to.sender)])
}

function unpackedAddress(plain: Buffer, accountBytes: number): LinkTarget | null {
  const start = 1 + accountBytes + 1
  const end = start + (plain[1 + accountBytes] ?? 0)
  if (plain.length < end || end === start) return null
  const address = plain.latin1Slice(start, end)
  const account = plain.readUIntBE(1, accountBytes)
  return { account, number: addressKey(address), address, sender: plain.toString('utf8', end) }
}

/** null: too short for what its head says, which no token of ours is. */
function unpacked(plain: Buffer): LinkTarget | null {
  const accountBytes = (plain[0]! & 3) + 1
  if ((plain[0]! & ADDRESS) !== 0) return unpackedAddress(plain, accountBytes)
  const isWide = (plain[0]! & WIDE) !== 0
  const numberAt = 1 + accountBytes
  const senderAt = numberAt + (isWide ? 8 : 7)
  if (plain.length < senderAt) return null
  const number = isWide
    ? plain.readDoubleBE(numberAt)
    : plain.readUInt8(numberAt) * 2 ** 48 + plain.readUIntBE(numberAt + 1, 6)
  return { account: plain.readUIntBE(1, accountBytes), number, sender: plain.toString('utf8', senderAt) }
}
