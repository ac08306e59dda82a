/** What a command sees of its control connection, and what a command is. Site thread. */
import type { SecureContext } from 'node:tls'
import type { SiteSession } from '../site/site-session.js'
import type { ControlState } from './control-state.js'
import type { FtpHost } from './ftp-host.js'
import type { Reply } from './reply.js'
import type { Transfer } from './transfer.js'

export interface Control {
  readonly host: FtpHost
  /** Of the client, as the site admitted it. */
  readonly ip: string
  /** Of the client and ours, without mapping, for data connections. */
  readonly peerAddress: string
  readonly ownAddress: string
  readonly state: ControlState
  transfer: Transfer | null
  /** The client has closed the connection, or we are about to. */
  readonly isOver: boolean
  /** Of a command that answers more than once. */
  say(reply: Reply): void
  /** Answers 234, and everything after it is TLS; null. Gives a refusal instead, if it cannot be. */
  startTls(): Promise<Reply | null>
  /** The last reply; then the connection is closed. */
  hangUp(reply: Reply): void
  /** Context of data connections; null before TLS. */
  readonly dataContext: SecureContext | null
}

export interface Command {
  /** As HELP shows it: verb and arguments. */
  syntax: string
  /** May come before the log-in. */
  isOpen?: boolean
  /** Is nothing without an argument. */
  needsArgument?: boolean
  /** REST stays in force over it. */
  keepsRestart?: boolean
  /** null: it has answered already. @throws SiteError, DataError. */
  run(control: Control, argument: string): Reply | null | Promise<Reply | null>
}

/** Commands are only run after the log-in unless they are open. */
export function sessionOf({ state }: Control): SiteSession {
  return state.session!
}
