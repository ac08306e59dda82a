/**
 * One claimed file from its claim to processed/ or error/. Every step is durable before the next begins and asks what is
 * there already, so that a run may be begun again after a kill at any moment. Main thread.
 */

import { setImmediate } from 'node:timers/promises'
import { crashPoint } from '../../engine/base/crash-point.js'
import type { DropContent, DropKeeper, DropRecord, EarlierDrop } from '../../engine/contract/drop-keeper.js'
import type { DropError } from '../../engine/contract/drops.js'
import { EngineError, type ErrorCode } from '../../engine/contract/errors.js'
import type { OpenFolder } from '../site/open-folder.js'
import type { Claims } from './claims.js'
import { DroppedFile } from './dropped-file.js'
import { nthName, plainName } from './dropped-names.js'
import type { Filing } from './filing.js'
import { look, moved, movedAlone, pathIn } from './folder-files.js'

/** The file is not to blame: it is tried again later. */
const PASSING: readonly ErrorCode[] = [
  'STORE_FULL',
  'SHUTTING_DOWN',
  'ACCOUNT_SUSPENDED',
  'UPLOAD_RUNNING',
  'STORE_FAILED',
  'INTERNAL',
]

/** What a run has come to: filed away; gone to another engine or put back; or it is to be tried again. */
export type RunEnd = 'filed' | 'gone'

export interface RunDeps {
  keeper: DropKeeper
  claims: Claims
  filing: Filing
  fileBytesMax: number
  /** The engine stops. */
  signal: AbortSignal
}

/** Nothing was made of the file, and it is not this engine's any more. */
const GONE = Symbol('gone')
type Step<T> = T | DropError | typeof GONE

export class DropRun {
  readonly #deps: RunDeps

  constructor(deps: RunDeps) {
    this.#deps = deps
  }

  /** @throws what passes, or only an operator can mend: disk errors, STORE_FULL, SHUTTING_DOWN … */
  async run(root: OpenFolder, drop: number): Promise<RunEnd> {
    const { keeper, claims, filing } = this.#deps
    const wrong = keeper.get(drop).error ?? (await this.#read(root, keeper.get(drop)))
    if (wrong === GONE) {
      await keeper.forget(drop)
      return 'gone'
    }
    if (wrong !== null) {
      await this.#refuse(root, drop, wrong)
      return 'filed'
    }
    const record = await filing.move(root, keeper.get(drop), 'processed')
    await filing.rejects(root, record)
    await filing.summarise(root, record)
    await filing.shortReport(root, record)
    // From here on they may be written anew.
    await keeper.update(drop, { state: 'sending' })
    await claims.remove(root, record.claim)
    return 'filed'
  }

  async #refuse(root: OpenFolder, drop: number, error: DropError): Promise<void> {
    const { keeper, claims, filing } = this.#deps
    if (keeper.get(drop).error === null) await keeper.update(drop, { error, size: await this.#size(root, drop) })
    await keeper.giveUp(drop)
    const record = await filing.move(root, keeper.get(drop), 'error')
    const text = await filing.explain(root, record, error)
    await keeper.close(drop, 'failed', { subject: `${plainName(record.name)} was not sent`, text })
    await claims.remove(root, record.claim)
  }

  /** Also of a file that was not opened; null: it is gone, or no plain file. */
  async #size(root: OpenFolder, drop: number): Promise<number | null> {
    const { claim, name, size } = this.#deps.keeper.get(drop)
    if (size !== null) return size
    const facts = await this.#deps.claims.inClaim(root, claim, (folder) => look(folder, name))
    return facts?.isFile() ? facts.size : null
  }

  /** null: it is accepted, and its rows are counted. */
  async #read(root: OpenFolder, record: DropRecord): Promise<Step<null>> {
    const { keeper } = this.#deps
    // Its place was decided behind all of this.
    if (record.place !== null) return null
    if (record.job === null) {
      const made = await this.#make(root, record)
      if (made !== null) return made
    }
    const job = keeper.job(record.drop)!
    if (!job.accepted && !job.over) {
      const refused = await this.#upload(root, keeper.get(record.drop))
      if (refused !== null) return refused
    }
    await this.#untilIngested(record.drop)
    return this.#outcome(record.drop)
  }

  /** Looks at the file and makes its job. */
  async #make(root: OpenFolder, record: DropRecord): Promise<Step<null>> {
    const { keeper, claims } = this.#deps
    const content = await this.#content(root, record)
    if (content === GONE) return GONE
    const profile = keeper.profile(record.account, record.file)
    // Whatever becomes of it from here on, no other engine may take it over.
    if (!(await claims.begin(root, record.claim))) return GONE
    crashPoint('drop-begun')
    if ('code' in content) return content
    if (profile === null) return noProfile(record)
    const earlier = await this.#or(() => keeper.makeJob(record.drop, { ...content, profile }))
    if (earlier === null) return null
    return 'code' in earlier ? earlier : droppedBefore(earlier)
  }

  async #content(root: OpenFolder, record: DropRecord): Promise<Step<DropContent>> {
    return await this.#opened(root, record, async (file) => {
      const { fileBytesMax } = this.#deps
      if (file.size > fileBytesMax) return tooLarge(file.size, fileBytesMax)
      const content = await this.#or(() => file.content())
      if (await file.isUnchanged()) return content
      // Somebody still writes it: it goes back, and is waited for again.
      await this.#putBack(root, record)
      return GONE
    })
  }

  /** Under its own name, or the next free one if there is another file of this name by now. */
  async #putBack(root: OpenFolder, record: DropRecord): Promise<void> {
    const { claims } = this.#deps
    await claims.inClaim(root, record.claim, async (claim) => {
      const from = pathIn(claim, record.name)
      // A hard link would be one too many while somebody writes: where the name is free, it is renamed.
      if ((await look(root, record.name)) === null) return await moved(from, pathIn(root, record.name))
      for (let count = 2; ; count++) {
        if (await movedAlone({ from, to: pathIn(root, nthName(record.name, count)), token: record.claim })) return true
      }
    })
    await claims.remove(root, record.claim)
  }

  async #opened<T extends object>(
    root: OpenFolder,
    record: DropRecord,
    work: (file: DroppedFile) => Promise<Step<T>>,
  ): Promise<Step<T>> {
    const { claims, signal } = this.#deps
    const result = await claims.inClaim(root, record.claim, async (claim): Promise<Step<T>> => {
      const file = await DroppedFile.open(claim, record.name, signal)
      if (file === null) return GONE
      if (!(file instanceof DroppedFile)) return file
      try {
        return await work(file)
      } finally {
        await file.close()
      }
    })
    return result ?? GONE
  }

  async #upload(root: OpenFolder, record: DropRecord): Promise<DropError | null> {
    const { keeper } = this.#deps
    const result = await this.#opened(root, record, async (file) => {
      const refused = await this.#or(async () => {
        await keeper.upload(record.drop, file.body(record.sha256!))
        return null
      })
      return refused ?? { isUploaded: true }
    })
    if (result === GONE) return { code: 'FILE_VANISHED', detail: 'The file was taken away while it was read.' }
    return 'code' in result ? result : null
  }

  /** Errors that speak of the file become what is said of it. */
  async #or<T>(work: () => Promise<T>): Promise<T | DropError> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof EngineError) || PASSING.includes(error.code) || this.#deps.signal.aborted) throw error
      return { code: error.code, detail: error.message }
    }
  }

  async #untilIngested(drop: number): Promise<void> {
    const { keeper, signal } = this.#deps
    const { promise: stopped, reject } = deferred()
    const onAbort = () => reject(new EngineError('SHUTTING_DOWN', 'The engine is stopping.'))
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    try {
      await Promise.race([keeper.ingested(drop), stopped])
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
    // What else waits for the end of the file has its turn first.
    await setImmediate()
  }

  #outcome(drop: number): DropError | null {
    const { keeper } = this.#deps
    const job = keeper.job(drop)!
    if (job.state === 'failed') return { code: job.reason ?? 'INTERNAL', detail: job.detail ?? 'It could not be read.' }
    if (!job.accepted || !job.ingested || (job.state === 'canceled' && keeper.view(drop).rows === 0)) {
      return { code: 'JOB_CANCELED', detail: 'Its job was canceled before the file was read.' }
    }
    const { rows, accepted } = keeper.view(drop)
    if (accepted > 0) return null
    return { code: 'NOTHING_ACCEPTED', detail: `Not one of its ${rows} rows could be sent.` }
  }
}

function tooLarge(size: number, fileBytesMax: number): DropError {
  return { code: 'FILE_TOO_LARGE', detail: `The file has ${size} octets; at most ${fileBytesMax} are taken.` }
}

function noProfile({ file }: DropRecord): DropError {
  return {
    code: 'NO_PROFILE',
    detail: `Nobody has said what is to be sent: no profile fits the name ${file}, and none is called default.`,
  }
}

function droppedBefore({ id, file, job, atMs }: EarlierDrop): DropError {
  const at = new Date(atMs).toISOString().replace(/\..*/, 'Z')
  return {
    code: 'DROPPED_BEFORE',
    detail: `The same content came before, as ${file} at ${at}: it is the job ${job} (${id}). The same file is taken once within 72 hours.`,
  }
}

function deferred(): { promise: Promise<never>; reject(error: unknown): void } {
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<never>((_resolve, refuse) => {
    reject = refuse
  })
  // It may come when nobody waits any more.
  promise.catch(() => {})
  return { promise, reject }
}
