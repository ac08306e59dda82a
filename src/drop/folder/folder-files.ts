/**
 * What the folder does in the file system, over folders that are held open: nothing is named by a path that somebody could
 * change meanwhile, and no link is followed. Main thread.
 */
import { constants, type Stats } from 'node:fs'
import { link, lstat, mkdir, open, readFile, rename, unlink } from 'node:fs/promises'
import { OpenFolder } from '../site/open-folder.js'

/** Read and write for owner and group, less the umask of the process. */
const FILE_MODE = 0o660
const FOLDER_MODE = 0o770
const PLACEHOLDER_BYTES_MAX = 128

export function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException | null)?.code ?? '')
}

/** Octets are a name as well. */
export function pathIn(folder: OpenFolder, name: Uint8Array | string): Buffer {
  return Buffer.concat([Buffer.from(`${folder.self}/`), typeof name === 'string' ? Buffer.from(name) : name])
}

/** null: there is no such thing. */
export async function look(folder: OpenFolder, name: Uint8Array | string): Promise<Stats | null> {
  try {
    return await lstat(pathIn(folder, name))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

export async function inFolder<T>(path: string, work: (folder: OpenFolder) => Promise<T>): Promise<T> {
  const folder = await OpenFolder.at(path)
  try {
    return await work(folder)
  } finally {
    await folder.close()
  }
}

/** A folder in this one, made if it is missing. @throws ENOTDIR, ELOOP: it is a link, or no folder. */
export async function within<T>(
  parent: OpenFolder,
  name: string,
  work: (folder: OpenFolder) => Promise<T>,
): Promise<T> {
  const folder = await entered(parent, name)
  try {
    return await work(folder)
  } finally {
    await folder.close()
  }
}

async function entered(parent: OpenFolder, name: string): Promise<OpenFolder> {
  try {
    return await parent.enter(name)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
  await makeFolder(pathIn(parent, name))
  return await parent.enter(name)
}

/** Another process may have made it at the same time. */
export async function makeFolder(path: string | Buffer, mode = FOLDER_MODE): Promise<void> {
  try {
    await mkdir(path, { mode })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

/** false: the source is gone. */
export async function moved(from: Buffer, to: Buffer): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

export async function removed(path: Buffer): Promise<void> {
  await unlink(path).catch((error) => {
    if (codeOf(error) !== 'ENOENT') throw error
  })
}

/** File systems without hard links, and systems that protect other people's files from them. */
const NO_LINKS = ['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV']

export interface Move {
  from: Buffer
  to: Buffer
  /** Marks what this move has put in the place of the file, so that it is known again after a kill. */
  token: string
}

/**
 * Moves a file and never replaces another, whoever else moves to the same name; may be begun again after a kill. false:
 * the name is taken. A file that is gone counts as moved.
 */
export async function movedAlone(move: Move): Promise<boolean> {
  const { from, to } = move
  try {
    await link(from, to)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return true
    if (code === 'EEXIST' && !(await isSame(from, to))) return await movedOver(move)
    if (NO_LINKS.includes(code)) return await movedBeneath(move)
    if (code !== 'EEXIST') throw error
  }
  await removed(from)
  return true
}

async function isSame(one: Buffer, other: Buffer): Promise<boolean> {
  const [a, b] = await Promise.all([lstat(one).catch(() => null), lstat(other).catch(() => null)])
  return a !== null && b !== null && a.ino === b.ino && a.dev === b.dev
}

/** Over what an earlier run of this move has put there; false: it is somebody else's. */
async function movedOver({ from, to, token }: Move): Promise<boolean> {
  const facts = await lstat(to).catch(() => null)
  if (facts === null || !facts.isFile() || facts.size > PLACEHOLDER_BYTES_MAX) return false
  if ((await readFile(to, 'latin1')) !== token) return false
  await moved(from, to)
  return true
}

/** Where there are no hard links: into a place that was taken before. */
async function movedBeneath(move: Move): Promise<boolean> {
  if (!(await placed(move))) return await movedOver(move)
  await moved(move.from, move.to)
  return true
}

async function placed({ to, token }: Move): Promise<boolean> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  try {
    const handle = await open(to, flags, FILE_MODE)
    await handle.writeFile(token)
    await handle.close()
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** A whole file in its place, or none: written beside, durable, then renamed over what was there. */
export async function writeWhole(
  place: { work: OpenFolder; temporary: string; folder: OpenFolder; name: Uint8Array },
  pieces: AsyncIterable<string | Buffer> | Iterable<string | Buffer>,
): Promise<void> {
  const path = pathIn(place.work, place.temporary)
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW
  const handle = await open(path, flags, FILE_MODE)
  try {
    for await (const piece of pieces) await handle.appendFile(piece)
    await handle.sync()
  } catch (error) {
    await handle.close()
    await removed(path).catch(() => {})
    throw error
  }
  await handle.close()
  await rename(path, pathIn(place.folder, place.name))
  await place.folder.sync()
}
