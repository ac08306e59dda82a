/**
 * Decides on the log-in requests of one SSH connection (RFC 4252): passwords and public keys. Site thread; who may log in
 * is the main thread's to say, signatures are checked here.
 */

import type { AuthContext, ParsedKey, PasswordAuthContext, PublicKeyAuthContext } from 'ssh2'
import ssh2 from 'ssh2'
import type { LoginGrant } from '../../engine/contract/site.js'
import type { Site } from '../site/site.js'

/** As OpenSSH's MaxAuthTries. */
const PASSWORDS_MAX = 6
/** A client offers each key of its agent. */
const KEYS_MAX = 30
const METHODS: ('publickey' | 'password')[] = ['publickey', 'password']
/** RSA only with SHA-2 (RFC 8332); the others have one hash each. */
const RSA_HASHES: readonly (string | undefined)[] = ['sha256', 'sha512']

export interface LoginParts {
  site: Site
  ip: string
  /** Opens the session; false: it may have no more. */
  begin(grant: LoginGrant): Promise<boolean>
  hangUp(reason: string): void
}

export class SftpLogin {
  readonly #parts: LoginParts
  #passwords = 0
  #keys = 0

  constructor(parts: LoginParts) {
    this.#parts = parts
  }

  /** Answers the request. Never throws. */
  async decide(context: AuthContext): Promise<void> {
    try {
      if (context.method === 'password') await this.#password(context)
      else if (context.method === 'publickey') await this.#key(context)
      else context.reject(METHODS)
    } catch {
      context.reject(METHODS)
    }
  }

  async #password(context: PasswordAuthContext): Promise<void> {
    if (++this.#passwords > PASSWORDS_MAX) return this.#parts.hangUp('Too many passwords.')
    const { site, ip } = this.#parts
    const { username, password } = context
    const grant = await site.login({ protocol: 'sftp', ip, username, proof: { kind: 'password', password } })
    await this.#finish(context, grant)
  }

  async #key(context: PublicKeyAuthContext): Promise<void> {
    if (++this.#keys > KEYS_MAX) return this.#parts.hangUp('Too many keys.')
    const { site, ip } = this.#parts
    const blob = context.key.data.toString('base64')
    const grant = await site.login({ protocol: 'sftp', ip, username: context.username, proof: { kind: 'key', blob } })
    const isOffer = context.signature === undefined
    if (grant === null) context.reject(METHODS)
    else if (isOffer) context.accept()
    else await this.#finish(context, isSigned(context) ? grant : null)
  }

  async #finish(context: AuthContext, grant: LoginGrant | null): Promise<void> {
    if (grant !== null && (await this.#parts.begin(grant))) context.accept()
    else context.reject(METHODS)
  }
}

/** Whether whoever connects has the private key: the signature is over the session's id (RFC 4252 §7). */
function isSigned({ key, signature, blob, hashAlgo }: PublicKeyAuthContext): boolean {
  const parsed = ssh2.utils.parseKey(key.data) as ParsedKey | ParsedKey[] | Error
  const known = Array.isArray(parsed) ? parsed[0] : parsed
  if (known === undefined || known instanceof Error || signature === undefined || blob === undefined) return false
  if (known.type === 'ssh-rsa' && !RSA_HASHES.includes(hashAlgo)) return false
  return known.verify(blob, signature, hashAlgo) === true
}
