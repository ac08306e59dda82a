/** What an engine takes of the machine, looked at once a second: memory of its own, open files, its store, how late its loop is. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { residentBytes } from '../../bench/processes.js'
import type { Stand } from './stand.js'
import type { Violation } from './violation.js'

const EACH_MS = 1_000
const MEBIBYTE = 2 ** 20

/** Bounds of I11 (P11). */
export const BOUNDS = { ownBytes: 512 * MEBIBYTE, files: 400 } as const

export interface Peaks {
  samples: number
  ownBytes: number
  files: number
  storeBytes: number
  /** From a question to /healthz to its answer, of an engine that was up and not stopped. */
  answerMs: number
}

export class Watch {
  readonly peaks: Peaks = { samples: 0, ownBytes: 0, files: 0, storeBytes: 0, answerMs: 0 }
  readonly #stand: Stand
  readonly #timer: NodeJS.Timeout
  #asked = false

  constructor(stand: Stand) {
    this.#stand = stand
    this.#timer = setInterval(() => this.#look(), EACH_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  violations(): Violation[] {
    const { ownBytes, files } = this.peaks
    const found: Violation[] = []
    const wrong = (detail: string): void => {
      found.push({ invariant: 'I11', id: 'engine', detail })
    }
    if (ownBytes > BOUNDS.ownBytes) wrong(`${Math.round(ownBytes / MEBIBYTE)} MiB of memory of its own`)
    if (files > BOUNDS.files) wrong(`${files} open files`)
    return found
  }

  #look(): void {
    const { engine } = this.#stand
    if (!engine.isRunning) return
    const { peaks } = this
    peaks.samples++
    peaks.ownBytes = Math.max(peaks.ownBytes, residentBytes(engine.pid))
    peaks.files = Math.max(peaks.files, filesOf(engine.pid))
    peaks.storeBytes = Math.max(peaks.storeBytes, bytesIn(engine.dataDir))
    void this.#ask()
  }

  async #ask(): Promise<void> {
    if (this.#asked) return
    this.#asked = true
    const askedAt = performance.now()
    const { starts } = this.#stand.engine
    const answer = await this.#stand.asker.ask('GET', '/healthz', { key: '' })
    this.#asked = false
    if (answer === null || starts !== this.#stand.engine.starts) return
    this.peaks.answerMs = Math.max(this.peaks.answerMs, performance.now() - askedAt)
  }
}

function filesOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return 0
  }
}

/** Of the disk, since files of a store may have holes. */
function bytesIn(folder: string): number {
  let bytes = 0
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) bytes += statSync(path.join(entry.parentPath, entry.name)).blocks * 512
    }
  } catch {
    // A file that went meanwhile; the next look counts again.
  }
  return bytes
}

/** CPU model and cores, for the page of results. */
export function machineName(): string {
  const text = readFileSync('/proc/cpuinfo', 'latin1')
  const model = /^model name\s*:\s*(.+)$/m.exec(text)?.[1] ?? 'unknown processor'
  return `${text.match(/^processor\s*:/gm)?.length ?? 1} × ${model}`
}
