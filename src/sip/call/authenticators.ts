/**
 * One Authenticator for each gateway and login, however often calls name them: all calls by a gateway share the nonces that
 * it gave, and none of another's. Dispatcher thread.
 */
import { Authenticator } from '../message/authenticator.js'
import type { Peer } from '../transport/transport.js'
import type { Credentials } from './call.js'

/** Far more than a carrier has gateways; who is forgotten asks again. */
const KEPT_MOST = 256

export class Authenticators {
  readonly #cnonce: () => string
  /** Oldest first. */
  readonly #known = new Map<string, Authenticator>()

  /** `cnonce` makes 16 octets or more of chance as text. */
  constructor(cnonce: () => string) {
    this.#cnonce = cnonce
  }

  of({ user, password }: Credentials, { transport, address, port }: Peer): Authenticator {
    const key = JSON.stringify([transport, address, port, user, password])
    const known = this.#known.get(key)
    if (known !== undefined) return known
    if (this.#known.size === KEPT_MOST) this.#known.delete(this.#known.keys().next().value!)
    const made = new Authenticator({ user, password }, this.#cnonce)
    this.#known.set(key, made)
    return made
  }
}
