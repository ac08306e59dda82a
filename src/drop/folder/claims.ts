/**
 * Claims: a file is taken by renaming it into a hidden folder of the account, ACCOUNT/.trunkline/OWNER/claimed/CLAIM/NAME.
 * Of all engines that see the file one succeeds. Before a job is made of it the claim moves on to OWNER/begun/CLAIM: what
 * lies in `claimed` was not sent by anybody, so another engine may take it over when its owner stays silent; what lies in
 * `begun` is its owner's alone and waits for its next start. Main thread.
 */
import { randomBytes } from 'node:crypto'
import { readdir, rmdir } from 'node:fs/promises'
import type { OpenFolder } from '../site/open-folder.js'
import { codeOf, look, makeFolder, moved, pathIn, within } from './folder-files.js'

/** Hidden from those who use the folder, and never shown by the sites. */
export const OWN_FOLDER = '.trunkline'
const CLAIM_OCTETS = 8
const PRIVATE = 0o700

export type Stage = 'claimed' | 'begun'

export interface HeldClaim {
  stage: Stage
  claim: string
  /** null: the claim is empty. */
  name: Buffer | null
}

export class Claims {
  readonly #owner: string

  constructor(owner: string) {
    this.#owner = owner
  }

  /** Name of the folder in which this engine's claims lie. */
  get owner(): string {
    return this.#owner
  }

  /** Where this engine keeps what it holds of the account. */
  async inWork<T>(root: OpenFolder, name: string, work: (folder: OpenFolder) => Promise<T>): Promise<T> {
    return await within(root, OWN_FOLDER, (own) => within(own, this.#owner, (mine) => within(mine, name, work)))
  }

  /** null: somebody else took it, or it is gone. */
  async take(root: OpenFolder, name: Uint8Array): Promise<string | null> {
    const claim = randomBytes(CLAIM_OCTETS).toString('hex')
    const isTaken = await this.inWork(root, 'claimed', (claimed) =>
      within(claimed, claim, async (folder) => {
        if (!(await moved(pathIn(root, name), pathIn(folder, name)))) return false
        await Promise.all([folder.sync(), claimed.sync(), root.sync()])
        return true
      }),
    )
    if (isTaken) return claim
    await this.#remove(root, 'claimed', claim)
    return null
  }

  /** false: it is no more this engine's. */
  async begin(root: OpenFolder, claim: string): Promise<boolean> {
    return await this.inWork(root, 'begun', (begun) =>
      this.inWork(root, 'claimed', async (claimed) => {
        if (!(await moved(pathIn(claimed, claim), pathIn(begun, claim)))) return (await look(begun, claim)) !== null
        await Promise.all([begun.sync(), claimed.sync()])
        return true
      }),
    )
  }

  /** Works in the folder of a claim; null: there is none. */
  async inClaim<T>(root: OpenFolder, claim: string, work: (folder: OpenFolder) => Promise<T>): Promise<T | null> {
    for (const stage of ['begun', 'claimed'] as const) {
      const found = await this.inWork(root, stage, async (folder) =>
        (await look(folder, claim)) !== null ? { value: await within(folder, claim, work) } : null,
      )
      if (found !== null) return found.value
    }
    return null
  }

  async held(root: OpenFolder): Promise<HeldClaim[]> {
    const held: HeldClaim[] = []
    for (const stage of ['claimed', 'begun'] as const) {
      await this.inWork(root, stage, async (folder) => {
        for (const claim of await readdir(folder.self)) {
          const names = await within(folder, claim, (own) => readdir(own.self, { encoding: 'buffer' }))
          held.push({ stage, claim, name: names[0] ?? null })
        }
      })
    }
    return held
  }

  /** The claim is over; nothing is in it any more. */
  async remove(root: OpenFolder, claim: string): Promise<void> {
    for (const stage of ['begun', 'claimed'] as const) await this.#remove(root, stage, claim)
  }

  async #remove(root: OpenFolder, stage: Stage, claim: string): Promise<void> {
    await this.inWork(root, stage, async (folder) => {
      await rmdir(pathIn(folder, claim)).catch((error) => {
        if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) throw error
      })
    })
  }

  /** Claims of other engines, as OWNER/CLAIM, of which nothing was made. */
  async foreign(root: OpenFolder): Promise<string[]> {
    return await within(root, OWN_FOLDER, async (own) => {
      const owners = (await readdir(own.self)).filter((owner) => owner !== this.#owner)
      const found: string[] = []
      for (const owner of owners) {
        const claims = await inClaimed(own, owner, (claimed) => readdir(claimed.self))
        found.push(...(claims ?? []).map((claim) => `${owner}/${claim}`))
      }
      return found
    })
  }

  /** false: its owner was quicker. */
  async takeOver(root: OpenFolder, foreign: string): Promise<boolean> {
    const [owner, claim] = foreign.split('/') as [string, string]
    return await within(root, OWN_FOLDER, async (own) => {
      const isTaken = await inClaimed(own, owner, (theirs) =>
        this.inWork(root, 'claimed', (mine) => moved(pathIn(theirs, claim), pathIn(mine, claim))),
      )
      return isTaken === true
    })
  }

  /** Made at once, so that nobody else can put something else in its place. */
  async prepare(root: OpenFolder): Promise<void> {
    await makeFolder(pathIn(root, OWN_FOLDER), PRIVATE)
    for (const name of ['claimed', 'begun', 'out']) await this.inWork(root, name, async () => {})
  }
}

/** null: it has none, or what is there is no folder of ours. */
async function inClaimed<T>(
  own: OpenFolder,
  owner: string,
  work: (claimed: OpenFolder) => Promise<T>,
): Promise<T | null> {
  const opened: OpenFolder[] = []
  try {
    opened.push(await own.enter(owner))
    opened.push(await opened[0]!.enter('claimed'))
    return await work(opened[1]!)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES'].includes(codeOf(error))) return null
    throw error
  } finally {
    for (const folder of opened) await folder.close()
  }
}
