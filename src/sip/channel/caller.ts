/** Who calls and who is called, as URIs: caller ids from the carrier's list, numbers as its gateways want them dialled. Pure. */
import type { SipCarrierConfig } from '../../engine/config/sip-carrier.js'
import type { Credentials } from '../call/call.js'
import { escapeUser } from '../message/uri.js'

export interface Caller {
  /** From: `sip:user@domain`. */
  uri: string
  name: string
  /** P-Asserted-Identity; '' = none. */
  assertedIdentity: string
}

export class Callers {
  readonly #config: SipCarrierConfig
  /** Without plus → as it is written in the configuration. */
  readonly #allowed = new Map<string, string>()
  readonly #own: string

  constructor(config: SipCarrierConfig) {
    this.#config = config
    this.#own = config.callerId ?? config.user ?? 'anonymous'
    for (const id of [this.#own, ...config.callerIds]) this.#allowed.set(bare(id), id)
  }

  /** A sender that is on no list gives way to the carrier's own: nobody calls under a number that is not theirs. */
  of(from: string, gatewayHost: string): Caller {
    const { hideCallerId, callerName } = this.#config
    const user = this.#allowed.get(bare(from)) ?? this.#own
    const uri = `sip:${escapeUser(user)}@${this.#domain(gatewayHost)}`
    return { uri, name: hideCallerId ? '' : callerName, assertedIdentity: hideCallerId ? uri : '' }
  }

  /** Request-URI and To of an E.164 number without plus. */
  called(digits: string, gatewayHost: string): string {
    const { plus, strip, prefix } = this.#config.dial
    const national = strip !== '' && digits.startsWith(strip) ? digits.slice(strip.length) : null
    // What is stripped is a country code: the rest is a national number, which has no plus.
    const number = national === null ? `${plus ? '+' : ''}${digits}` : national
    return `sip:${prefix.replaceAll('#', '%23')}${number}@${this.#domain(gatewayHost)}`
  }

  #domain(gatewayHost: string): string {
    const host = this.#config.domain ?? gatewayHost
    return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  }
}

function bare(id: string): string {
  return id.startsWith('+') ? id.slice(1) : id
}

export function credentialsOf({ user, password }: SipCarrierConfig): Credentials | null {
  return user === undefined ? null : { user, password }
}
