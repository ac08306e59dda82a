/** Log-ins to the drop folder of an account, by SFTP and FTP. */
import type { Page, PageQuery, Principal } from './api.js'
import type { SiteAddresses } from './site.js'

export interface DropCredentialSettings {
  /** Unique over all accounts; absent: made from the account's id. */
  username?: string
  /** Absent: made; null: none, only the keys open it. */
  password?: string | null
  /** As in a .pub file of OpenSSH, a line each. */
  publicKeys?: string[]
  description?: string | null
  /** RFC 3339; absent: it does not expire. */
  expiresAt?: string | null
  /** Addresses and ranges that it may be used from; absent or empty: from anywhere. */
  cidrs?: string[]
}

export interface PublicKeyView {
  type: string
  /** As OpenSSH shows it: SHA256:… */
  fingerprint: string
  comment: string
}

export interface DropCredentialView {
  id: string
  account: string
  username: string
  hasPassword: boolean
  publicKeys: PublicKeyView[]
  description: string | null
  cidrs: string[]
  createdAt: string
  expiresAt: string | null
  expired: boolean
  lastUsedAt: string | null
}

export interface DropCredentialCreated extends DropCredentialView {
  /** Shown this once; null: it has none. */
  password: string | null
  connect: SiteAddresses
}

export interface DropCredentialsApi {
  /** @throws EngineError NOT_FOUND, VALIDATION, NAME_TAKEN, WRONG_STATE: the account has too many. */
  create(account: string, settings: DropCredentialSettings, by?: Principal): Promise<DropCredentialCreated>
  /** By time of making. */
  list(account: string, query: PageQuery): Page<DropCredentialView>
  /** No log-in that comes later is let in, and its sessions end. @throws EngineError NOT_FOUND. */
  remove(account: string, id: string, by?: Principal): Promise<void>
}
