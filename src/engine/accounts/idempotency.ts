/**
 * Idempotency-Key: the same (account, key) within 72 h does its work once and answers the same again
 * (draft-ietf-httpapi-idempotency-key-header-07). Main thread.
 *
 * What `work` stores carries the key with it where it can: a job in the transaction that makes it, messages in the turn of
 * their commit. So a kill between acceptance and answer still replays. Refusals (errors) are not kept: they changed
 * nothing, and the client may correct and send again.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { crashPoint } from '../base/crash-point.js'
import type { Idempotent } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'
import type { DocumentWrite } from '../store/documents.js'
import type { AnswerSeal } from './answer-seal.js'
import { answerWrites } from './kept-answers.js'

export interface KeptAnswer {
  fingerprint: string
  atMs: number
  /** JSON of the answer; null: only the job is known, the process ended before it was answered. */
  answer: string | null
  /** The answer holds a secret and is encrypted: see answer-seal.ts. */
  sealed?: boolean
  job: number | null
  /** The job is worth nothing without the file that came in the same request. */
  needsFile: boolean
}

export interface KeptAnswers {
  get(account: string, key: string): KeptAnswer | null
  put(account: string, key: string, kept: KeptAnswer): Promise<void>
  remove(account: string, key: string): Promise<void>
  /** Removes some of those made before this time. */
  sweep(beforeMs: number): Promise<void>
}

export interface IdempotentRequest {
  account: string
  key: string
  /** Stands for the body. */
  fingerprint: string
}

/** The request whose work is running now. */
export interface Running {
  account: string
  key: string
  kept: KeptAnswer
  /** The answer was stored together with the work itself. */
  isStored: boolean
}

const KEPT_MS = limits.idempotencyHours * 3_600_000
const SWEEP_EVERY = 500

export interface IdempotencyDeps {
  answers: KeptAnswers
  clock: Clock
  seal: AnswerSeal
  /** What a job that was made before a crash is answered as; null: it has no rows yet, do the work (again). */
  revive(kept: KeptAnswer): Promise<unknown>
}

export class Idempotency {
  readonly #answers: KeptAnswers
  readonly #clock: Clock
  readonly #seal: AnswerSeal
  readonly #revive: IdempotencyDeps['revive']
  readonly #running = new Set<string>()
  readonly #context = new AsyncLocalStorage<Running>()
  #untilSweep = 0

  constructor({ answers, clock, seal, revive }: IdempotencyDeps) {
    this.#answers = answers
    this.#clock = clock
    this.#seal = seal
    this.#revive = revive
  }

  #read<T>(request: IdempotentRequest, { answer, sealed }: KeptAnswer): T {
    return JSON.parse(sealed === true ? this.#seal.open(request, answer!) : answer!) as T
  }

  /**
   * For the transaction that makes what `answer` tells of: the answer, encrypted, since it holds a secret. Nothing outside
   * of `once`.
   */
  sealed(answer: object): DocumentWrite[] {
    const running = this.current
    if (running === null) return []
    const { account, key, kept } = running
    running.isStored = true
    const text = this.#seal.seal({ account, key, fingerprint: kept.fingerprint }, JSON.stringify(answer))
    return answerWrites(account, key, { ...kept, answer: text, sealed: true })
  }

  /** null outside of `once`. */
  get current(): Running | null {
    return this.#context.getStore() ?? null
  }

  /** @throws EngineError IDEMPOTENCY_RUNNING, IDEMPOTENCY_MISMATCH, and what `work` throws. */
  async once<T>(request: IdempotentRequest, work: () => Promise<T>): Promise<Idempotent<T>> {
    const { account, key, fingerprint } = request
    const name = `${account} ${key}`
    const kept = this.#fresh(this.#answers.get(account, key))
    if (kept !== null && kept.fingerprint !== fingerprint) {
      throw new EngineError('IDEMPOTENCY_MISMATCH', 'This Idempotency-Key came with another body before.')
    }
    if (this.#running.has(name)) {
      throw new EngineError('IDEMPOTENCY_RUNNING', 'The first request with this Idempotency-Key is still running.')
    }
    if (kept !== null && kept.answer !== null) return { value: this.#read<T>(request, kept), replayed: true }
    this.#running.add(name)
    try {
      const revived = kept === null ? null : await this.#revive(kept)
      if (revived !== null) return { value: revived as T, replayed: true }
      return { value: await this.#work(request, work, kept?.job ?? null), replayed: false }
    } finally {
      this.#running.delete(name)
    }
  }

  #fresh(kept: KeptAnswer | null): KeptAnswer | null {
    return kept === null || kept.atMs + KEPT_MS < this.#clock.now() ? null : kept
  }

  /** `job`: what the same request had made before the process ended. */
  async #work<T>(request: IdempotentRequest, work: () => Promise<T>, job: number | null): Promise<T> {
    const { account, key, fingerprint } = request
    const kept: KeptAnswer = { fingerprint, atMs: this.#clock.now(), answer: null, job, needsFile: false }
    const running: Running = { account, key, kept, isStored: false }
    await this.#sweep()
    let value: T
    try {
      value = await this.#context.run(running, work)
    } catch (error) {
      if (running.kept.job !== null) await this.#answers.remove(account, key)
      throw error
    }
    if (!running.isStored) {
      await this.#answers.put(account, key, { ...running.kept, answer: JSON.stringify(value) })
    }
    crashPoint('answer-kept')
    return value
  }

  async #sweep(): Promise<void> {
    if (this.#untilSweep-- > 0) return
    this.#untilSweep = SWEEP_EVERY
    await this.#answers.sweep(this.#clock.now() - KEPT_MS)
  }
}
