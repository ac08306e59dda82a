/** The table of all commands, and what the server is and knows: FEAT, OPTS (RFC 2389), SYST, STAT, HELP, SITE, NOOP (RFC 959 §4.1.3). Site thread. */
import type { Command, Control } from './control.js'
import { dataCommands } from './data-commands.js'
import { folderCommands } from './folder-commands.js'
import { listCommands } from './list-commands.js'
import { facts } from './listing.js'
import { loginCommands } from './login-commands.js'
import { type Reply, reply } from './reply.js'
import { transferCommands } from './transfer-commands.js'

function features({ state, host }: Control): Reply {
  const known = facts.map((fact) => `${fact}${state.facts.includes(fact) ? '*' : ''};`).join('')
  const lines = ['AUTH TLS', 'EPSV', 'MDTM', `MLST ${known}`, 'PBSZ', 'PROT', 'REST STREAM', 'SIZE', 'TVFS', 'UTF8']
  return reply(211, 'Features:', ...(host.config.active ? ['EPRT'] : []), ...lines, 'End')
}

function options({ state }: Control, argument: string): Reply {
  const [what = '', value = ''] = argument.trim().split(/\s+/, 2)
  if (/^UTF-?8$/i.test(what)) {
    return /^OFF$/i.test(value) ? reply(504, 'Names are UTF-8.') : reply(200, 'Names are UTF-8.')
  }
  if (!/^MLST$/i.test(what)) return reply(501, 'Options of MLST and UTF8.')
  const wanted = value.toLowerCase().split(';')
  state.facts = facts.filter((fact) => wanted.includes(fact))
  return reply(200, `MLST OPTS ${state.facts.map((fact) => `${fact};`).join('')}`.trim())
}

/** Also answered while a file is on its way. */
export function statusReply({ state }: Control): Reply {
  return reply(
    211,
    'Trunkline FTP',
    state.isTls ? 'The control connection is in TLS.' : 'The control connection is not encrypted.',
    state.isDataTls ? 'Data connections are in TLS.' : 'Data connections are not encrypted.',
    state.session === null ? 'Not logged in.' : 'Logged in.',
    'End',
  )
}

function status(control: Control, argument: string): Reply {
  return argument === '' ? statusReply(control) : reply(504, 'STAT knows no paths here; MLST and LIST do.')
}

function help(_control: Control, argument: string): Reply {
  const verb = argument.trim().toUpperCase()
  if (verb === '') return reply(214, 'Commands:', ...Object.values(commands).map(({ syntax }) => syntax), 'End')
  const command = commandOf(verb)
  return command === null ? reply(502, `${verb} is not known here.`) : reply(214, command.syntax)
}

/** 202: asked for by some clients after an upload, and of no use here. */
function site(_control: Control, argument: string): Reply {
  const verb = argument.trim().split(/\s+/)[0]!.toUpperCase()
  if (verb === 'HELP') return reply(214, 'CHMOD and UTIME change nothing here.')
  if (verb === 'CHMOD' || verb === 'UTIME') return reply(202, 'Rights and times are the server’s own here.')
  return reply(504, 'That is not known here.')
}

const aboutCommands: Readonly<Record<string, Command>> = {
  FEAT: { syntax: 'FEAT', isOpen: true, run: features },
  OPTS: { syntax: 'OPTS <command> <options>', isOpen: true, needsArgument: true, run: options },
  CLNT: { syntax: 'CLNT <name>', isOpen: true, run: () => reply(200, 'Noted.') },
  NOOP: { syntax: 'NOOP', isOpen: true, keepsRestart: true, run: () => reply(200, 'Still here.') },
  SYST: { syntax: 'SYST', isOpen: true, keepsRestart: true, run: () => reply(215, 'UNIX Type: L8') },
  STAT: { syntax: 'STAT', run: status },
  HELP: { syntax: 'HELP [<command>]', isOpen: true, run: help },
  SITE: { syntax: 'SITE HELP', needsArgument: true, run: site },
}

const commands: Readonly<Record<string, Command>> = {
  ...loginCommands,
  ...dataCommands,
  ...folderCommands,
  ...listCommands,
  ...transferCommands,
  ...aboutCommands,
}

/** null: not known. */
export function commandOf(verb: string): Command | null {
  return Object.hasOwn(commands, verb) ? commands[verb]! : null
}
