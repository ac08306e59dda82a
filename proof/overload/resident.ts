/** Looks every so often how much memory of its own a process has: what P11 bounds (LMDB's mapped pages are the kernel's cache). */
import { readFileSync } from 'node:fs'

const LOOK_MS = 100

/** P11, in octets. */
export const RESIDENT_MAX = 512 << 20

/** Octets of RssAnon and RssShmem; 0 when the process is gone. */
export function residentOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    let kilobytes = 0
    for (const [, number] of status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+)/gm)) kilobytes += Number(number)
    return kilobytes * 1024
  } catch {
    return 0
  }
}

export class Resident {
  readonly #pid: () => number
  readonly #timer: NodeJS.Timeout
  /** Most that was seen since the last `forget`. */
  most = 0
  looks = 0

  /** `pid`: of this moment; 0: there is none. */
  constructor(pid: () => number) {
    this.#pid = pid
    this.#timer = setInterval(() => this.look(), LOOK_MS)
    this.#timer.unref()
  }

  look(): number {
    const bytes = residentOf(this.#pid())
    this.looks++
    if (bytes > this.most) this.most = bytes
    return bytes
  }

  /** From here on the most is looked for anew; what it is now. */
  forget(): number {
    this.most = 0
    return this.look()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MB`
}
