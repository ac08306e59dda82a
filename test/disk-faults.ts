/**
 * A disk under the test's control: faults/disk-faults.c, built with gcc and preloaded into the engine. It counts what is
 * written below one folder, lets the n-th of it fail, slows syncs down, kills at the n-th, and keeps what a power cut
 * would take away.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Random } from '../src/engine/base/random.js'

/** Places in the control file, as the library counts them. */
const PLACES = [
  'ops',
  'failAt',
  'failTimes',
  'failErrno',
  'failShort',
  'syncDelayUs',
  'killAt',
  'failed',
  /** Not 0: syncs say yes and do nothing, which a test of power cuts must notice. */
  'noSync',
  /** Of a store's data.mdb alone: 1, its writes never come back; 2, its syncs fail. */
  'store',
] as const
export type Control = (typeof PLACES)[number]

export const ERRNO = { EINTR: 4, EIO: 5, ENOSPC: 28 } as const

const WRITTEN = 0x57524954n
const SYNCED = 0x53594e43n
const HEAD_BYTES = 48
const PAGE_BYTES = 4096

/** Why there can be none on this machine; false: there can. */
export const noFaultyDisk: string | false =
  process.platform === 'linux' && spawnSync('gcc', ['--version']).status === 0
    ? false
    : 'gcc is not installed (Debian: gcc, libc6-dev), or this is not Linux'

let library: string | null = null

/** Once a process; the sources lie beside the tests, not beside what was built from them. */
function built(): string {
  if (library !== null) return library
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-disk-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  library = path.join(folder, 'disk-faults.so')
  const source = path.resolve('test/faults/disk-faults.c')
  execFileSync('gcc', ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl', '-lpthread'])
  return library
}

interface Write {
  inode: bigint
  offset: number
  length: number
  oldSize: number
  old: Buffer
}

export class FaultyDisk {
  readonly folder: string
  readonly #control: string
  readonly #journal: string

  /** `folder`: what the faults are confined to. `beside`: an empty folder outside of it. */
  constructor(folder: string, beside: string) {
    this.folder = folder
    this.#control = path.join(beside, 'control')
    this.#journal = path.join(beside, 'journal')
    writeFileSync(this.#control, Buffer.alloc(PLACES.length * 8))
  }

  /** For the process that is to have this disk. `cuts`: what was not synced is kept for `cut`. */
  environment(cuts = false): Record<string, string> {
    return {
      LD_PRELOAD: built(),
      DISK_FAULTS_DIR: this.folder,
      DISK_FAULTS_CONTROL: this.#control,
      ...(cuts ? { DISK_FAULTS_JOURNAL: this.#journal } : {}),
    }
  }

  get(name: Control): number {
    const bytes = Buffer.alloc(8)
    const file = openSync(this.#control, 'r')
    readSync(file, bytes, 0, 8, PLACES.indexOf(name) * 8)
    closeSync(file)
    return Number(bytes.readBigUInt64LE())
  }

  set(values: Partial<Record<Control, number>>): void {
    const file = openSync(this.#control, 'r+')
    for (const [name, value] of Object.entries(values)) {
      const bytes = Buffer.alloc(8)
      bytes.writeBigUInt64LE(BigInt(value))
      writeSync(file, bytes, 0, 8, PLACES.indexOf(name as Control) * 8)
    }
    closeSync(file)
  }

  /**
   * The power failed: of what was written and not synced, each page keeps a random number of its writes, oldest first, or
   * none. The process must be dead. Returns how many pages lost something.
   */
  cut(random: Random): number {
    if (!existsSync(this.#journal)) return 0
    const files = new Map(filesOf(this.folder).map((file) => [String(lstatSync(file).ino), file]))
    let lost = 0
    for (const [inode, writes] of unsynced(readFileSync(this.#journal))) {
      const file = files.get(String(inode))
      if (file !== undefined) lost += undo(file, writes, random)
    }
    rmSync(this.#journal)
    return lost
  }
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
}

/** By inode, in the order of writing. */
function unsynced(journal: Buffer): Map<bigint, Write[]> {
  const files = new Map<bigint, Write[]>()
  let at = 0
  // The last record may be cut short by the kill: its write was not made then.
  while (at + HEAD_BYTES <= journal.length) {
    const [magic, inode, offset, length, oldLength, oldSize] = [0, 8, 16, 24, 32, 40].map((place) =>
      journal.readBigUInt64LE(at + place),
    ) as [bigint, bigint, bigint, bigint, bigint, bigint]
    at += HEAD_BYTES
    if (magic === SYNCED) files.delete(inode)
    if (magic !== WRITTEN) continue
    const end = at + Number(oldLength)
    if (end > journal.length) break
    const write = { inode, offset: Number(offset), length: Number(length), oldSize: Number(oldSize) }
    const before = files.get(inode)
    const whole = { ...write, old: journal.subarray(at, end) }
    if (before === undefined) files.set(inode, [whole])
    else before.push(whole)
    at = end
  }
  return files
}

/** Newest write first, page by page. */
function undo(file: string, writes: readonly Write[], random: Random): number {
  const byPage = new Map<number, Write[]>()
  for (const write of writes) {
    const last = Math.floor((write.offset + write.length - 1) / PAGE_BYTES)
    for (let page = Math.floor(write.offset / PAGE_BYTES); page <= last; page++) {
      const list = byPage.get(page)
      if (list === undefined) byPage.set(page, [write])
      else list.push(write)
    }
  }
  const handle = openSync(file, 'r+')
  let lost = 0
  for (const [page, list] of byPage) {
    const kept = random.below(list.length + 1)
    if (kept < list.length) lost++
    for (const write of list.slice(kept).reverse()) putBack(handle, write, page * PAGE_BYTES)
  }
  closeSync(handle)
  return lost
}

/** Of one page; what did not exist before reads as zeros, as blocks that were allocated and never written do. */
function putBack(handle: number, { offset, length, old }: Write, pageAt: number): void {
  const from = Math.max(offset, pageAt)
  const to = Math.min(offset + length, pageAt + PAGE_BYTES)
  const bytes = Buffer.alloc(to - from)
  if (from - offset < old.length) old.copy(bytes, 0, from - offset, Math.min(to - offset, old.length))
  writeSync(handle, bytes, 0, bytes.length, from)
}
