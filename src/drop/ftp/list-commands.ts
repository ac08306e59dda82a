/** Listings: LIST and NLST as every client knows them, MLSD and MLST with facts (RFC 959 §4.1.3, RFC 3659 §7). Site thread. */
import type { EntryView } from '../site/account-root.js'
import { isPartialName, pathOf, pathSteps } from '../site/drop-names.js'
import { SiteError } from '../site/site-error.js'
import { type Command, type Control, sessionOf } from './control.js'
import { pathIn } from './folder-commands.js'
import { factLine, type ListedEntry, listLine } from './listing.js'
import { oneLine, type Reply, reply } from './reply.js'
import { dataProblem, withData } from './transfer.js'
import { isPattern, matches } from './wildcard.js'

const OPENING = reply(150, 'Here comes the listing.')
const DONE = reply(226, 'That was all.')

interface Target {
  /** Path of the folder, or of the one file. */
  path: string
  /** Of names; null: all. */
  pattern: string | null
}

type Line = (entry: ListedEntry) => string

/** `-la /processed` → /processed: options change nothing. A name that begins with a dash is written ./-name. */
function targetOf(control: Control, argument: string): Target {
  const path = argument.replace(/^(?:-[A-Za-z0-9]+(?: +|$))+/, '')
  const steps = pathSteps(path, control.state.folder)
  const last = steps.at(-1)
  if (last === undefined || !isPattern(last)) return { path: pathOf(steps), pattern: null }
  return { path: pathOf(steps.slice(0, -1)), pattern: last }
}

async function list(control: Control, target: Target, line: Line): Promise<Reply> {
  const problem = dataProblem(control)
  if (problem !== null) return problem
  const session = sessionOf(control)
  const entry = await session.stat(target.path)
  const depth = pathSteps(target.path).length
  return await withData(control, { isUpload: false, opening: OPENING }, async (data) => {
    const pages = entry.kind === 'folder' ? session.list(target.path) : [[entry]]
    for await (const page of pages) {
      const shown = page.filter(({ name }) => target.pattern === null || matches(name, target.pattern))
      if (shown.length > 0) await data.write(Buffer.from(shown.map((one) => line(listed(one, depth + 1))).join('')))
      session.touch()
    }
    await data.finish()
    control.host.linger(data)
    return DONE
  })
}

/** `depth`: steps of its path. */
function listed({ name, kind, size, modifiedAtMs }: EntryView, depth: number): ListedEntry {
  return { name, isFolder: kind === 'folder', size, modifiedAt: modifiedAtMs, perm: permOf({ name, kind }, depth) }
}

/** RFC 3659 §7.5.5, as the account root allows it. */
function permOf({ name, kind }: Pick<EntryView, 'name' | 'kind'>, depth: number): string {
  if (kind === 'file') return depth === 1 ? (isPartialName(name) ? 'adfrw' : 'dfrw') : 'dfr'
  if (depth === 0) return 'cel'
  return depth === 1 ? 'elm' : 'delfm'
}

function longList(control: Control, argument: string): Promise<Reply> {
  const nowMs = control.host.clock.now()
  return list(control, targetOf(control, argument), (entry) => listLine(entry, nowMs))
}

function nameList(control: Control, argument: string): Promise<Reply> {
  return list(control, targetOf(control, argument), ({ name }) => `${oneLine(name)}\r\n`)
}

async function machineList(control: Control, argument: string): Promise<Reply> {
  const path = pathIn(control, argument)
  const { kind } = await sessionOf(control).stat(path)
  if (kind !== 'folder') throw new SiteError('denied', 'That is no folder; MLST knows files.')
  const { facts } = control.state
  return await list(control, { path, pattern: null }, (entry) => `${factLine(entry, facts, typeOf(entry))}\r\n`)
}

async function machineFacts(control: Control, argument: string): Promise<Reply> {
  const path = pathIn(control, argument)
  const view = await sessionOf(control).stat(path)
  const entry = { ...listed(view, pathSteps(path).length), name: path }
  return reply(250, `Facts of ${path}`, factLine(entry, control.state.facts, typeOf(entry)), 'End')
}

function typeOf({ isFolder }: ListedEntry): string {
  return isFolder ? 'dir' : 'file'
}

export const listCommands: Readonly<Record<string, Command>> = {
  LIST: { syntax: 'LIST [<path>]', run: longList },
  NLST: { syntax: 'NLST [<path>]', run: nameList },
  MLSD: { syntax: 'MLSD [<folder>]', run: machineList },
  MLST: { syntax: 'MLST [<path>]', keepsRestart: true, run: machineFacts },
}
