/**
 * Digest logins at the simulated gateway (RFC 2617, RFC 7616, RFC 3261 §22.4): nonces that it can check without keeping them, and
 * answers computed here by itself, so that the engine's are held to the specification.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { splitOutside } from '../message/list.js'
import type { SipRequest, SipResponse } from '../message/sip-message.js'
import { unquoted } from '../message/syntax.js'

export interface LoginOptions {
  user: string
  password: string
  realm: string
  algorithm: 'MD5' | 'SHA-256'
  nonceMs: number
}

/** `absent` and `stale` are challenged anew, `wrong` is refused once it has been challenged. */
export type LoginResult = 'right' | 'absent' | 'stale' | 'wrong'

type Fields = ReadonlyMap<string, string>

export class Login {
  readonly #options: LoginOptions
  readonly #secret = randomBytes(16)
  #nonces = 0

  constructor(options: LoginOptions) {
    this.#options = options
  }

  challenge(
    response: SipResponse,
    { status, nowMs, isStale }: { status: 401 | 407; nowMs: number; isStale: boolean },
  ): void {
    const { realm, algorithm } = this.#options
    const name = status === 401 ? 'www-authenticate' : 'proxy-authenticate'
    const stale = isStale ? ', stale=true' : ''
    const nonce = this.#nonce(nowMs)
    response.headers.append(
      name,
      `Digest realm="${realm}", nonce="${nonce}", algorithm=${algorithm}, qop="auth", opaque="7472756e6b"${stale}`,
    )
  }

  judge({ headers, method }: SipRequest, status: 401 | 407, nowMs: number): LoginResult {
    const values = headers.all(status === 401 ? 'authorization' : 'proxy-authorization')
    const fields = values.map(fieldsOf).find((each) => each?.get('realm') === this.#options.realm)
    if (fields === undefined || fields === null) return 'absent'
    const age = this.#age(fields.get('nonce') ?? '', nowMs)
    if (age === null) return 'stale'
    if (!this.#isRight(fields, method)) return 'wrong'
    return age > this.#options.nonceMs ? 'stale' : 'right'
  }

  #isRight(fields: Fields, method: string): boolean {
    const { user, password, realm, algorithm } = this.#options
    const said = (name: string): string => fields.get(name) ?? ''
    const isForm =
      said('qop') === 'auth' && /^[0-9a-f]{8}$/i.test(said('nc')) && said('cnonce') !== '' && said('uri') !== ''
    const agrees =
      said('username') === user && (said('algorithm') || 'MD5') === algorithm && said('opaque') === '7472756e6b'
    if (!isForm || !agrees) return false
    const hash = (text: string): string => createHash(algorithm.replace('-', '')).update(text).digest('hex')
    const secret = hash(`${user}:${realm}:${password}`)
    const asked = hash(`${method}:${said('uri')}`)
    return said('response') === hash([secret, said('nonce'), said('nc'), said('cnonce'), 'auth', asked].join(':'))
  }

  #nonce(nowMs: number): string {
    this.#nonces++
    const stamp = `${Math.floor(nowMs).toString(16).padStart(12, '0')}${this.#nonces.toString(16).padStart(8, '0')}`
    return stamp + this.#sign(stamp)
  }

  /** Milliseconds since it was made; null: it is none of ours. */
  #age(nonce: string, nowMs: number): number | null {
    if (!/^[0-9a-f]{36}$/.test(nonce)) return null
    const stamp = nonce.slice(0, 20)
    if (!timingSafeEqual(Buffer.from(this.#sign(stamp)), Buffer.from(nonce.slice(20)))) return null
    return nowMs - Number.parseInt(stamp.slice(0, 12), 16)
  }

  #sign(stamp: string): string {
    return createHmac('sha256', this.#secret).update(stamp).digest('hex').slice(0, 16)
  }
}

/** null: not Digest. */
function fieldsOf(value: string): Fields | null {
  const [, rest] = /^Digest[ \t]+(.*)$/is.exec(value) ?? []
  const elements = rest === undefined ? null : splitOutside(rest, ',')
  if (elements === null) return null
  return new Map(
    elements.map((element): [string, string] => {
      const equals = element.indexOf('=')
      return [element.slice(0, equals).trim().toLowerCase(), unquoted(element.slice(equals + 1).trim())]
    }),
  )
}
