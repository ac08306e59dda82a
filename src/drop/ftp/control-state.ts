/** What a control connection has been told so far, command by command. Site thread. */
import type { SiteSession } from '../site/site-session.js'
import type { DataPort } from './data-port.js'
import { type Fact, facts } from './listing.js'

export interface ControlState {
  /** USER was given; the password is awaited. */
  user: string | null
  session: SiteSession | null
  /** Refused passwords of this connection. */
  refused: number
  isTls: boolean
  /** PBSZ was given: PROT may follow (RFC 4217 §9). */
  hasBufferSize: boolean
  /** PROT P: data connections are encrypted. */
  isDataTls: boolean
  /** Steps from the account's root. */
  folder: string[]
  dataPort: DataPort | null
  /** EPSV ALL: nothing else may be used any more (RFC 2428 §4). */
  isEpsvOnly: boolean
  /** REST: octets to skip in the next transfer. */
  restartAt: number
  /** RNFR: what the next RNTO renames. */
  renameFrom: string | null
  /** Of MLST and MLSD. */
  facts: readonly Fact[]
}

export function freshState(): ControlState {
  return {
    user: null,
    session: null,
    refused: 0,
    isTls: false,
    hasBufferSize: false,
    isDataTls: false,
    folder: [],
    dataPort: null,
    isEpsvOnly: false,
    restartAt: 0,
    renameFrom: null,
    facts,
  }
}
