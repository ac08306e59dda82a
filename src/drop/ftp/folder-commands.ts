/**
 * Folders and names: CWD, PWD, MKD, DELE, RNFR, SIZE and their like (RFC 959 §4.1.3, RFC 3659 §3 and §4). What may be done
 * with what is the account root's to say. Site thread.
 */
import { pathOf, pathSteps } from '../site/drop-names.js'
import { SiteError } from '../site/site-error.js'
import { type Command, type Control, sessionOf } from './control.js'
import { timeValue } from './listing.js'
import { quoted, type Reply, reply } from './reply.js'

/** Of an argument, from the root. @throws SiteError badName. */
export function pathIn({ state }: Control, argument: string): string {
  return pathOf(pathSteps(argument, state.folder))
}

async function changeTo(control: Control, path: string): Promise<Reply> {
  const { kind } = await sessionOf(control).stat(path)
  if (kind !== 'folder') throw new SiteError('denied', 'That is no folder.')
  control.state.folder = pathSteps(path)
  return reply(250, `Now in ${path}`)
}

async function makeFolder(control: Control, argument: string): Promise<Reply> {
  const path = pathIn(control, argument)
  await sessionOf(control).makeFolder(path)
  return reply(257, `${quoted(path)} was made.`)
}

async function removeFolder(control: Control, argument: string): Promise<Reply> {
  await sessionOf(control).removeFolder(pathIn(control, argument))
  return reply(250, 'The folder was removed.')
}

async function remove(control: Control, argument: string): Promise<Reply> {
  await sessionOf(control).remove(pathIn(control, argument))
  return reply(250, 'The file was deleted.')
}

async function renameFrom(control: Control, argument: string): Promise<Reply> {
  const path = pathIn(control, argument)
  await sessionOf(control).stat(path)
  control.state.renameFrom = path
  return reply(350, 'Now the new name, with RNTO.')
}

async function renameTo(control: Control, argument: string): Promise<Reply> {
  const { renameFrom: from } = control.state
  if (from === null) return reply(503, 'First the old name, with RNFR.')
  const to = pathIn(control, argument)
  // In / a newer file takes the place of one that still waits; what was processed is not overwritten.
  await sessionOf(control).rename(from, to, pathSteps(to).length === 1)
  return reply(250, 'The file was renamed.')
}

async function size(control: Control, argument: string): Promise<Reply> {
  const entry = await sessionOf(control).stat(pathIn(control, argument))
  return entry.kind === 'file' ? reply(213, String(entry.size)) : reply(550, 'That is a folder.')
}

async function modified(control: Control, argument: string): Promise<Reply> {
  const entry = await sessionOf(control).stat(pathIn(control, argument))
  return entry.kind === 'file' ? reply(213, timeValue(entry.modifiedAtMs)) : reply(550, 'That is a folder.')
}

const cwd: Command = {
  syntax: 'CWD <folder>',
  needsArgument: true,
  run: (control, argument) => changeTo(control, pathIn(control, argument)),
}
const cdup: Command = { syntax: 'CDUP', run: (control) => changeTo(control, pathIn(control, '..')) }
const pwd: Command = { syntax: 'PWD', keepsRestart: true, run: ({ state }) => reply(257, quoted(pathOf(state.folder))) }
const mkd: Command = { syntax: 'MKD <folder>', needsArgument: true, run: makeFolder }
const rmd: Command = { syntax: 'RMD <folder>', needsArgument: true, run: removeFolder }

/** Those with an X are the names of RFC 775, which the command line of Windows still uses. */
export const folderCommands: Readonly<Record<string, Command>> = {
  CWD: cwd,
  XCWD: cwd,
  CDUP: cdup,
  XCUP: cdup,
  PWD: pwd,
  XPWD: pwd,
  MKD: mkd,
  XMKD: mkd,
  RMD: rmd,
  XRMD: rmd,
  DELE: { syntax: 'DELE <file>', needsArgument: true, run: remove },
  RNFR: { syntax: 'RNFR <name>', needsArgument: true, run: renameFrom },
  RNTO: { syntax: 'RNTO <name>', needsArgument: true, run: renameTo },
  SIZE: { syntax: 'SIZE <file>', needsArgument: true, keepsRestart: true, run: size },
  MDTM: { syntax: 'MDTM <file>', needsArgument: true, keepsRestart: true, run: modified },
}
