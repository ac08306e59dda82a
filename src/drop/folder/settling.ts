/**
 * When a file is complete: its size and time have not changed for a while, over two looks at least; or somebody has said
 * so. A file that is empty, or does not end with a line end, may still be on its way and is waited for longer. Pure: time
 * is an argument.
 */

/** What a look at a file shows. */
export interface FileLook {
  ino: number
  size: number
  mtimeMs: number
}

interface Watched extends FileLook {
  sinceMs: number
  looks: number
  isTold: boolean
}

/** How much longer a file is waited for that may lack its end. */
const PATIENCE = 5

export class Settling {
  readonly #settleMs: number
  readonly #files = new Map<string, Watched>()

  constructor(settleMs: number) {
    this.#settleMs = settleMs
  }

  get size(): number {
    return this.#files.size
  }

  /** Somebody says that the file of this name, which may not have been seen yet, is complete. */
  tell(key: string): void {
    const file = this.#files.get(key)
    if (file !== undefined) file.isTold = true
    else this.#files.set(key, { ino: -1, size: -1, mtimeMs: -1, sinceMs: 0, looks: 0, isTold: true })
  }

  /** Monotonic milliseconds for which it has not changed; Infinity: it is known to be complete. */
  look(key: string, now: FileLook, nowMs: number): number {
    const file = this.#files.get(key)
    if (file?.isTold === true) return Number.POSITIVE_INFINITY
    if (file === undefined || !isSame(file, now)) {
      this.#files.set(key, { ...now, sinceMs: nowMs, looks: 1, isTold: false })
      return 0
    }
    file.looks++
    return nowMs - file.sinceMs
  }

  /** It is quiet for long enough for a file that has its end. */
  isQuiet(quietMs: number): boolean {
    return quietMs >= this.#settleMs
  }
  /** And for one that may lack it. */
  isQuietForLong(quietMs: number): boolean {
    return quietMs >= this.#settleMs * PATIENCE
  }

  /** Forgets what is there no more. */
  keep(keys: ReadonlySet<string>): void {
    for (const [key, { isTold, looks }] of this.#files) {
      // What was told of a file that is not seen yet holds for one look more.
      if (keys.has(key)) continue
      if (isTold && looks === 0) this.#files.get(key)!.looks = 1
      else this.#files.delete(key)
    }
  }

  forget(key: string): void {
    this.#files.delete(key)
  }
}

function isSame(one: FileLook, other: FileLook): boolean {
  return one.ino === other.ino && one.size === other.size && one.mtimeMs === other.mtimeMs
}
