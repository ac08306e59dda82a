/** An API key: what it may be made for, and what is shown of it after its first showing. */
import type { Scope } from './api.js'

export interface KeySettings {
  /** For people, to tell keys apart. */
  name?: string
  /** Absent: all. */
  scopes?: readonly Scope[]
  /** RFC 3339; absent: it does not expire. */
  expiresAt?: string
  /** Addresses and ranges that it may be used from; absent or empty: from anywhere. */
  cidrs?: string[]
}

export interface KeyView {
  id: string
  name: string | null
  /** First characters of the key, to recognise it by. */
  prefix: string
  scopes: Scope[]
  cidrs: string[]
  createdAt: string
  expiresAt: string | null
  expired: boolean
  lastUsedAt: string | null
}
