/**
 * What all sessions of one account share: changes of names take turns, a file that is being written is known to all of
 * them, and what the folder holds is measured once. Site thread.
 */
import type { Dirent } from 'node:fs'
import { lstat, opendir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../engine/contract/clock.js'
import { limits } from '../../engine/contract/limits.js'
import { SiteError } from './site-error.js'

/** How long a measured size is believed; what is uploaded in between is added to it. */
const MEASURED_MS = 60_000
const DEPTH_MAX = 8

export interface RootTerms {
  fileBytesMax: number
  accountBytesMax: number
  clock: Clock
  /** A name of an upload that nobody else has. */
  token(): string
  /** A complete file is in its place. */
  uploaded(account: string, file: string): void
}

export class SharedRoot {
  readonly path: string
  readonly account: string
  readonly terms: RootTerms
  /** Paths that are written to in place, which nobody may rename or remove meanwhile. */
  readonly #writing = new Set<string>()
  #turn: Promise<unknown> = Promise.resolve()
  #heldBytes = 0
  #measuredAtMs = Number.NEGATIVE_INFINITY
  /** Sessions that have it open. */
  users = 0

  constructor(account: string, path: string, terms: RootTerms) {
    this.account = account
    this.path = path
    this.terms = terms
  }

  /** One change of names after the other: what was looked at holds until it is changed. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => {})
    return await mine
  }

  /** @throws SiteError busy: another session writes it. */
  beginWriting(path: string): void {
    this.requireIdle(path)
    this.#writing.add(path)
  }

  endWriting(path: string): void {
    this.#writing.delete(path)
  }

  /** @throws SiteError busy. */
  requireIdle(path: string): void {
    if (this.#writing.has(path)) throw new SiteError('busy', 'The file is being written at the moment.')
  }

  /** `bytes` more are on the disk; negative: fewer. */
  grown(bytes: number): void {
    this.#heldBytes += bytes
  }

  /** @throws SiteError noSpace: the account's share or the disk is full. */
  async requireSpace(): Promise<void> {
    const disk = await statfs(this.path)
    if (disk.blocks > 0 && disk.bavail / disk.blocks < limits.storeFreeRatio) {
      throw new SiteError('noSpace', 'The disk of the server is nearly full.')
    }
    const { clock, accountBytesMax } = this.terms
    if (clock.monotonic() - this.#measuredAtMs >= MEASURED_MS) {
      this.#measuredAtMs = clock.monotonic()
      this.#heldBytes = await heldBytes(this.path, 0)
    }
    if (this.#heldBytes >= accountBytesMax) {
      throw new SiteError('noSpace', 'Your folder is full; delete old files from processed and error.')
    }
  }
}

/** Octets of all files below; links count nothing and are not followed. */
async function heldBytes(folder: string, depth: number): Promise<number> {
  let bytes = 0
  const names = await opendir(folder).catch(() => null)
  if (names === null || depth > DEPTH_MAX) return 0
  for await (const entry of names as AsyncIterable<Dirent>) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) bytes += await heldBytes(path, depth + 1)
    else if (entry.isFile()) bytes += (await lstat(path).catch(() => null))?.size ?? 0
  }
  return bytes
}
