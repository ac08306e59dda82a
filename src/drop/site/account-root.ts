/**
 * An account's folder as its clients see it: `/` with the files that wait to be sent, `/processed` and `/error` with those
 * that were. Nothing outside of it can be named, links and devices are not there, and the rules of what may be done with
 * what stand here, for both servers. Site thread.
 */
import type { Stats } from 'node:fs'
import { lstat, mkdir, opendir, rename, rmdir, statfs, unlink } from 'node:fs/promises'
import { Download } from './download.js'
import { AREAS, isOwnName, isPartialName, pathOf, pathSteps } from './drop-names.js'
import { OpenFolder } from './open-folder.js'
import type { SharedRoot } from './shared-root.js'
import { asSiteError, SiteError } from './site-error.js'
import { Upload, type UploadWish } from './upload.js'

/** Owner and group, less the umask: 0750 with the usual 022. */
const FOLDER_MODE = 0o770
const DEPTH_MAX = 5
/** Entries of a folder that are looked at side by side. */
const LISTED_AT_ONCE = 64
const ONLY_ROOT = 'Files are put into / only: what lies elsewhere is not sent.'

export interface EntryView {
  name: string
  kind: 'file' | 'folder'
  size: number
  modifiedAtMs: number
}

export interface SpaceView {
  blockBytes: number
  blocks: number
  freeBlocks: number
}

export class AccountRoot {
  readonly #shared: SharedRoot
  readonly #folder: OpenFolder

  private constructor(shared: SharedRoot, folder: OpenFolder) {
    this.#shared = shared
    this.#folder = folder
  }

  /** Makes what is missing of the folder. @throws SiteError. */
  static async open(shared: SharedRoot): Promise<AccountRoot> {
    try {
      await mkdir(shared.path, { recursive: true, mode: FOLDER_MODE })
      const folder = await OpenFolder.at(shared.path)
      for (const area of AREAS) await mkdir(folder.path(area), FOLDER_MODE).catch(() => {})
      return new AccountRoot(shared, folder)
    } catch (error) {
      throw asSiteError(error)
    }
  }

  async close(): Promise<void> {
    await this.#folder.close()
  }

  /** @throws SiteError notFound: also for links and devices. */
  async stat(path: string): Promise<EntryView> {
    const steps = pathSteps(path)
    return await this.#within(steps, async (folder, name) => entryOf(name, await lstat(folder.path(name))))
  }

  /** Pages of the folder's entries, in no order. */
  async *list(path: string): AsyncGenerator<EntryView[]> {
    const folder = await this.#enter(pathSteps(path))
    try {
      // Latin-1 keeps the octets of a name that is not UTF-8.
      const names = await opendir(folder.self, { encoding: 'latin1', bufferSize: LISTED_AT_ONCE } as object)
      let page: string[] = []
      for await (const entry of names) {
        page.push(entry.name)
        if (page.length < LISTED_AT_ONCE) continue
        yield await entriesOf(folder, page)
        page = []
      }
      yield await entriesOf(folder, page)
    } catch (error) {
      throw asSiteError(error)
    } finally {
      await folder.close()
    }
  }

  async download(path: string): Promise<Download> {
    return await this.#within(pathSteps(path), async (folder, name) => {
      // Opening a device can do something already.
      if (entryOf(name, await lstat(folder.path(name))).kind === 'folder') {
        throw new SiteError('denied', 'That is a folder.')
      }
      return await Download.begin(folder, name)
    })
  }

  async upload(path: string, wish: Omit<UploadWish, 'name'>): Promise<Upload> {
    const steps = pathSteps(path)
    const [name, ...deeper] = steps
    if (name === undefined) throw new SiteError('denied', 'That is a folder.')
    if (deeper.length > 0) throw new SiteError('denied', ONLY_ROOT)
    try {
      const place = { shared: this.#shared, folder: this.#folder }
      return await this.#folder.use(() => Upload.begin(place, { ...wish, name }))
    } catch (error) {
      throw asSiteError(error)
    }
  }

  /** Of a file; a folder is left by removeFolder. */
  async remove(path: string): Promise<void> {
    const steps = pathSteps(path)
    this.#shared.requireIdle(pathOf(steps))
    await this.#within(steps, async (folder, name) => {
      const { kind, size } = entryOf(name, await lstat(folder.path(name)))
      if (kind === 'folder') throw new SiteError('denied', 'That is a folder.')
      await unlink(folder.path(name))
      this.#shared.grown(-size)
    })
  }

  async makeFolder(path: string): Promise<void> {
    const steps = pathSteps(path)
    if (steps.length === 0 || isArea(steps)) throw new SiteError('exists', 'The folder exists already.')
    requireInArea(steps, 'Folders are made in processed and error only: what lies in another one is not sent.')
    await this.#within(steps, async (folder, name) => await mkdir(folder.path(name), FOLDER_MODE))
  }

  /** @throws SiteError notEmpty. */
  async removeFolder(path: string): Promise<void> {
    const steps = pathSteps(path)
    requireInArea(steps, 'This folder stays: the server needs it.')
    await this.#within(steps, async (folder, name) => await rmdir(folder.path(name)))
  }

  /**
   * Within /, within processed and error, and from these back to / to send a file again.
   * @throws SiteError exists: unless `replace`, and always of a folder.
   */
  async rename(path: string, to: string, replace: boolean): Promise<void> {
    const from = pathSteps(path)
    const goal = pathSteps(to)
    this.#shared.requireIdle(pathOf(from))
    this.#shared.requireIdle(pathOf(goal))
    await this.#within(from, async (folder, name) => {
      await this.#within(goal, async (goalFolder, goalName) => {
        await this.#shared.inTurn(async () => {
          const { kind } = entryOf(name, await lstat(folder.path(name)))
          requireMove(from, goal, kind)
          const there = await lstat(goalFolder.path(goalName)).catch(() => null)
          const isSame = pathOf(from) === pathOf(goal)
          if (there !== null && !isSame && !(replace && there.isFile())) {
            throw new SiteError('exists', 'Something of this name exists already.')
          }
          await rename(folder.path(name), goalFolder.path(goalName))
          await goalFolder.sync()
        })
      })
    })
    const [name] = goal
    if (goal.length === 1 && !isPartialName(name!)) this.#shared.terms.uploaded(this.#shared.account, name!)
  }

  async space(): Promise<SpaceView> {
    const { bsize, blocks, bavail } = await statfs(this.#shared.path)
    return { blockBytes: bsize, blocks, freeBlocks: bavail }
  }

  async #enter(steps: readonly string[]): Promise<OpenFolder> {
    try {
      let folder = await this.#folder.use(() => OpenFolder.at(this.#folder.self))
      for (const step of steps) {
        const next = folder.enter(step)
        await next.catch(() => {})
        await folder.close()
        folder = await next
      }
      return folder
    } catch (error) {
      throw asSiteError(error)
    }
  }

  /** Calls `work` with the folder of the last step, held open, and its name there; of the root with '.'. */
  async #within<T>(steps: readonly string[], work: (folder: OpenFolder, name: string) => Promise<T>): Promise<T> {
    const folder = await this.#enter(steps.slice(0, -1))
    try {
      return await work(folder, steps.at(-1) ?? '.')
    } catch (error) {
      throw asSiteError(error)
    } finally {
      await folder.close()
    }
  }
}

function isArea(steps: readonly string[]): boolean {
  return steps.length === 1 && AREAS.includes(steps[0]!)
}

function requireInArea(steps: readonly string[], text: string): void {
  if (steps.length < 2 || !AREAS.includes(steps[0]!)) throw new SiteError('denied', text)
  if (steps.length > DEPTH_MAX) throw new SiteError('denied', 'Folders are not nested deeper.')
}

function requireMove(from: readonly string[], to: readonly string[], kind: EntryView['kind']): void {
  if (from.length === 0 || isArea(from) || isArea(to) || to.length === 0) {
    throw new SiteError('denied', 'This folder stays: the server needs it.')
  }
  const isIntoRoot = to.length === 1
  if (isIntoRoot && kind === 'folder') throw new SiteError('denied', 'Folders are not put into /.')
  if (isIntoRoot) return
  if (from.length === 1) {
    throw new SiteError('denied', 'A file that waits to be sent is not moved away; delete it to take it back.')
  }
  requireInArea(to, ONLY_ROOT)
}

async function entriesOf(folder: OpenFolder, octetNames: readonly string[]): Promise<EntryView[]> {
  const names = octetNames.map(utf8Name).filter((name) => name !== null && !isOwnName(name)) as string[]
  const entries = names.map(async (name) => {
    try {
      return entryOf(name, await lstat(folder.path(name)))
    } catch {
      // Taken or removed since it was listed, or a link.
      return null
    }
  })
  return (await Promise.all(entries)).filter((entry) => entry !== null)
}

/** null: it is not UTF-8, and cannot be named by a client. */
function utf8Name(octets: string): string | null {
  const name = Buffer.from(octets, 'latin1').toString('utf8')
  return Buffer.from(name, 'utf8').toString('latin1') === octets ? name : null
}

/** @throws SiteError notFound: neither a plain file nor a folder. */
function entryOf(name: string, facts: Stats): EntryView {
  if (!facts.isFile() && !facts.isDirectory()) throw new SiteError('notFound', 'There is no such file.')
  return {
    name,
    kind: facts.isFile() ? 'file' : 'folder',
    size: facts.isFile() ? facts.size : 0,
    modifiedAtMs: facts.mtimeMs,
  }
}
