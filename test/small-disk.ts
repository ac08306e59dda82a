/** A disk of a few megabytes that a test can fill and make larger: a tmpfs, for which CI is root; else in a namespace of its own. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const BALLAST = 'ballast'

/** Why there can be none on this machine; false: there can. */
export const noSmallDisk: string | false =
  process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('mount', ['--version']).status === 0
    ? false
    : 'a tmpfs can be mounted by root only, and on Linux'

export class SmallDisk {
  readonly folder: string

  constructor(mebibytes: number) {
    this.folder = mkdtempSync(path.join(tmpdir(), 'trunkline-small-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=700`, 'tmpfs', this.folder])
  }

  get dataDir(): string {
    const folder = path.join(this.folder, 'data')
    mkdirSync(folder, { recursive: true })
    return folder
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.folder)
    return bavail * bsize
  }

  get totalBytes(): number {
    const { blocks, bsize } = statfsSync(this.folder)
    return blocks * bsize
  }

  /** Somebody else fills the disk until so much is left. */
  fillTo(freeBytes: number): void {
    this.clear()
    const bytes = this.freeBytes - freeBytes
    if (bytes > 0) writeFileSync(path.join(this.folder, BALLAST), Buffer.alloc(bytes))
  }

  clear(): void {
    rmSync(path.join(this.folder, BALLAST), { force: true })
  }

  /** Under whatever runs on it. */
  resize(mebibytes: number): void {
    execFileSync('mount', ['-o', `remount,size=${mebibytes}m`, this.folder])
  }

  remove(): void {
    execFileSync('umount', ['-l', this.folder])
    rmSync(this.folder, { recursive: true, force: true })
  }
}
