/**
 * Who the client is and how the line is protected: USER, PASS, REIN, QUIT (RFC 959 §4.1.1), AUTH, PBSZ, PROT and the rest
 * of RFC 2228 and RFC 4217. Site thread.
 */
import type { LoginGrant } from '../../engine/contract/site.js'
import { SiteError } from '../site/site-error.js'
import type { SiteSession } from '../site/site-session.js'
import type { Command, Control } from './control.js'
import { freshState } from './control-state.js'
import { type Reply, reply } from './reply.js'

/** Refused passwords of one connection; the site counts by address and user besides. */
const REFUSED_MAX = 5
/** RFC 1635: what browsers and Windows Explorer try first. Nobody's password is guessed by it. */
const ANONYMOUS: readonly string[] = ['anonymous', 'ftp']
const NEEDS_TLS =
  'Log-ins are taken over TLS only here. In your program choose "Require explicit FTP over TLS" (AUTH TLS), or use SFTP.'
const REFUSED = 'The user name or the password is wrong, or the log-in was withdrawn.'

function user({ state, host }: Control, name: string): Reply {
  if (state.session !== null) return reply(530, 'You are logged in already; connect anew to be somebody else.')
  if (!state.isTls && !host.config.allowPlain) return reply(530, NEEDS_TLS)
  state.user = name
  return reply(331, 'Now the password.')
}

async function pass(control: Control, password: string): Promise<Reply | null> {
  const { state, host, ip } = control
  const { user: username } = state
  if (username === null) return reply(503, 'First the user name, with USER.')
  state.user = null
  if (ANONYMOUS.includes(username.toLowerCase())) return reply(530, 'Nobody logs in anonymously here.')
  const grant = await host.site.login({ protocol: 'ftp', ip, username, proof: { kind: 'password', password } })
  if (control.isOver) return null
  if (grant === null) return refuse(control)
  return await begin(control, grant)
}

function refuse(control: Control): Reply | null {
  if (++control.state.refused < REFUSED_MAX) return reply(530, REFUSED)
  control.hangUp(reply(421, `${REFUSED} That was tried too often.`))
  return null
}

async function begin(control: Control, grant: LoginGrant): Promise<Reply | null> {
  let session: SiteSession
  try {
    session = await control.host.site.begin(grant, {
      ...{ protocol: 'ftp', ip: control.ip },
      hangUp: (reason) => control.hangUp(reply(421, reason)),
    })
  } catch (error) {
    if (!(error instanceof SiteError)) throw error
    control.hangUp(reply(421, error.message))
    return null
  }
  if (control.isOver) {
    await session.end()
    return null
  }
  control.state.session = session
  return reply(
    230,
    'Welcome. Put a file into this folder, and it is sent; see processed and error for what became of it.',
  )
}

/** Logged out; TLS stays (RFC 4217 §4.3 leaves both ways). */
async function reinitialise({ state }: Control): Promise<Reply> {
  await state.session?.end()
  state.dataPort?.close()
  const { isTls, refused } = state
  Object.assign(state, freshState(), { isTls, refused })
  return reply(220, 'Logged out. Log in again with USER and PASS.')
}

function quit(control: Control): null {
  control.hangUp(reply(221, 'Good-bye.'))
  return null
}

async function authenticate(control: Control, mechanism: string): Promise<Reply | null> {
  const { state } = control
  // RFC 4217 §2.1 names TLS; SSL is what older clients ask for and comes to the same.
  if (!/^(TLS|TLS-C|TLS-P|SSL)$/i.test(mechanism.trim())) return reply(504, 'TLS is what is known here: AUTH TLS.')
  if (state.isTls) return reply(503, 'This connection is in TLS already.')
  if (state.session !== null) return reply(503, 'TLS comes before the log-in.')
  return await control.startTls()
}

function bufferSize({ state }: Control, size: string): Reply {
  if (!state.isTls) return reply(503, 'First AUTH TLS.')
  if (!/^\d{1,10}$/.test(size.trim())) return reply(501, 'A size in octets; TLS knows only 0.')
  state.hasBufferSize = true
  return reply(200, 'PBSZ=0')
}

function protection({ state, host }: Control, argument: string): Reply {
  const level = argument.trim().toUpperCase()
  if (!state.isTls) return reply(503, 'First AUTH TLS.')
  if (!state.hasBufferSize) return reply(503, 'First PBSZ 0.')
  if (level === 'S' || level === 'E') return reply(536, 'TLS knows P (private) and C (clear).')
  if (level !== 'P' && level !== 'C') return reply(504, 'P (private) or C (clear).')
  if (level === 'C' && !host.config.allowPlain) return reply(534, 'Files are sent over TLS only here: PROT P.')
  state.isDataTls = level === 'P'
  return reply(200, level === 'P' ? 'Data connections are in TLS.' : 'Data connections are not encrypted.')
}

export const loginCommands: Readonly<Record<string, Command>> = {
  USER: { syntax: 'USER <name>', isOpen: true, needsArgument: true, run: user },
  PASS: { syntax: 'PASS <password>', isOpen: true, run: pass },
  ACCT: { syntax: 'ACCT <name>', isOpen: true, run: () => reply(202, 'There are no accounts besides the user name.') },
  REIN: { syntax: 'REIN', isOpen: true, run: reinitialise },
  QUIT: { syntax: 'QUIT', isOpen: true, run: quit },
  AUTH: { syntax: 'AUTH TLS', isOpen: true, needsArgument: true, run: authenticate },
  PBSZ: { syntax: 'PBSZ 0', isOpen: true, needsArgument: true, keepsRestart: true, run: bufferSize },
  PROT: { syntax: 'PROT P', isOpen: true, needsArgument: true, keepsRestart: true, run: protection },
  ADAT: { syntax: 'ADAT', isOpen: true, run: () => reply(503, 'TLS needs no ADAT.') },
  CCC: { syntax: 'CCC', isOpen: true, run: () => reply(534, 'TLS stays to the end.') },
}
