/**
 * SIGTERM at moments that matter (reliability.md F18): each one of these leaves the engine stopped, says what was wrong, and
 * may be followed by any other on the same folder.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/engine/base/random.js'
import type { CrashStand } from '../crashes/crash-stand.js'
import type { Workload } from '../crashes/workload.js'
import { FileJobs } from '../crashes/workloads/file-jobs.js'
import { SingleMessages } from '../crashes/workloads/single-messages.js'
import { handIn } from './hand-in.js'

export const SHUTDOWN_SECONDS = 3
/** What a stop may take at the most, however busy the machine. */
const STOP_MS_MAX = 15_000
/** Intake stops within a second; the rest is for a busy machine. */
const INTAKE_MS_MAX = 4_000
const SLOW_MS = 100
const ROWS = 80
const LOOK_MS = 5
/** Nobody listens there. */
const NOBODY = 9

interface Ended {
  end: number | string
  ms: number
}

export class StopRun {
  readonly #stand: CrashStand
  readonly #random: Random
  readonly files: FileJobs
  readonly singles: SingleMessages

  constructor(stand: CrashStand, random: Random) {
    this.#stand = stand
    this.#random = random
    this.files = new FileJobs(stand, 'stopped-file')
    this.singles = new SingleMessages(stand, 'stopped-single')
  }

  /** In the midst of submits that are answered a moment later: the window is drained, the bind says goodbye. */
  async dispatching(): Promise<string[]> {
    const { smsc } = this.#stand
    await this.#startBusy()
    const { unbinds } = smsc.stats()
    const ended = await this.#stand.engine.stop()
    const now = smsc.stats()
    const problems = clean(ended)
    if (now.unbinds !== unbinds + 1) problems.push(`${now.unbinds - unbinds} binds said goodbye, not one`)
    if (now.sessions !== 0) problems.push(`${now.sessions} sessions are left`)
    return problems
  }

  /** A slow carrier has some of the window, and waits with its answers. */
  async #startBusy(): Promise<void> {
    const { smsc, engine } = this.#stand
    smsc.setLatency(SLOW_MS)
    await engine.start()
    const before = smsc.stats().submits
    await handIn(this.#stand, ROWS)
    const wanted = before + 1 + this.#random.below(ROWS / 2)
    while (smsc.stats().submits < wanted) await pause(LOOK_MS)
  }

  /** A client goes on sending: what it is told is accepted is, and soon nothing is accepted any more. */
  async intake(): Promise<string[]> {
    const { engine, smsc } = this.#stand
    smsc.setLatency(SLOW_MS)
    await engine.start()
    await this.singles.step()
    const stopping = engine.stop()
    const askedAt = performance.now()
    let lastMs = 0
    for (let isOver = false; !isOver; ) {
      const before = this.singles.count
      await this.singles.step().catch(() => {})
      isOver = this.singles.count === before
      if (!isOver) lastMs = performance.now() - askedAt
    }
    const problems = clean(await stopping)
    if (lastMs > INTAKE_MS_MAX) problems.push(`was still accepting ${Math.round(lastMs)} ms after the signal`)
    return problems
  }

  /** At any moment of requests that make messages, calls or emails: what is not answered is asked again. */
  async accepting(workload: Workload, withinMs = 200): Promise<string[]> {
    const { engine } = this.#stand
    await engine.start()
    let isStopping = false
    const working = (async () => {
      while (!isStopping) await workload.step().catch(refusedToStop)
    })()
    await pause(this.#random.below(withinMs))
    const ended = await engine.stop()
    isStopping = true
    await working
    return clean(ended)
  }

  /** A file that is half there, and whose other half does not come. */
  async uploading(): Promise<string[]> {
    const { engine, client } = this.#stand
    await engine.start()
    const made = (await client.ask<{ id: string }>('POST', '/v1/jobs', { body: { text: 'Never' } }))!
    const path = `/v1/jobs/${made.id}`
    const uploading = fetch(`${engine.url}${path}/recipients`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${client.key}`, 'content-type': 'text/csv' },
      body: endless('to\n+447700900001\n'),
      duplex: 'half',
    } as RequestInit)
    const answered = uploading.then(({ status }) => status).catch(() => 0)
    while (((await client.get<{ file: { bytes: number } | null }>(path)).file?.bytes ?? 0) === 0) await pause(LOOK_MS)
    const problems = clean(await engine.stop())
    const status = await answered
    if (status >= 200 && status < 300) problems.push('half a file was accepted')
    return problems
  }

  /** The second signal does not wait for anything. */
  async twice(): Promise<string[]> {
    const { engine, smsc } = this.#stand
    smsc.setLatency(10_000)
    await engine.start()
    const before = smsc.stats().submits
    await handIn(this.#stand, ROWS)
    while (smsc.stats().submits === before) await pause(LOOK_MS)
    engine.signal('SIGTERM')
    while (!engine.said.includes('a second signal')) await pause(LOOK_MS)
    engine.signal('SIGTERM')
    const end = await engine.exited
    smsc.setLatency(0)
    this.#stand.crashes++
    return end === 1 ? [] : [`the second signal ended it with ${end}`]
  }

  /** It has much of the window, and says nothing any more. */
  async mute(): Promise<string[]> {
    await this.#startBusy()
    const { smsc, engine } = this.#stand
    smsc.muted = true
    const ended = await engine.stop()
    smsc.muted = false
    this.#stand.crashes++
    return clean(ended)
  }

  /** Nobody listens where the carrier should be. */
  async dead(): Promise<string[]> {
    const { engine } = this.#stand
    const before = engine.config
    const [sim, ...others] = before.carriers as object[]
    engine.config = { ...before, carriers: [{ ...sim, port: NOBODY }, ...others] }
    await engine.start()
    await handIn(this.#stand, ROWS)
    await pause(this.#random.below(100))
    const ended = await engine.stop()
    engine.config = before
    return clean(ended)
  }
}

function clean({ end, ms }: Ended): string[] {
  const problems = end === 0 ? [] : [`ended with ${end}`]
  if (ms > STOP_MS_MAX) problems.push(`took ${Math.round(ms)} ms`)
  return problems
}

/** 503 while it stops; everything else is wrong. */
function refusedToStop(error: { status?: number }): void {
  if (error.status !== 503) throw error
}

function endless(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from(text))
    },
  })
}
