/**
 * Runs the program that speaks a text: the text on its stdin, WAV from its stdout, no shell between. It has a process
 * group and a time limit of its own, gives way to the calls (nice), and may write only as much as a message may be long.
 * Speech thread.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import type { ReasonCode } from '../../engine/contract/reasons.js'

/** RFC 2361 names the formats; the byte rate of `fmt ` lies here when that chunk comes first, as everybody writes it. */
const BYTE_RATE_AT = 28
const HEAD_BYTES = 32
/** Before the byte rate is known, and of WAV whose `fmt ` comes later: two channels of 16 bits at 48 kHz. */
const BYTE_RATE_MAX = 192_000
const SLACK_SECONDS = 2
/** Gets a third of what a thread beside it gets, where both want a core. */
const NICE = 5
const STDERR_BYTES = 2_000
const STDERR_CHARS = 200

export interface Program {
  file: string
  args: readonly string[]
  environment: Readonly<Record<string, string>>
}

export interface SpeakTask {
  program: Program
  text: string
  timeoutMs: number
  maxSeconds: number
}

export interface SpeakProblem {
  reason: ReasonCode
  detail: string
  isTemporary: boolean
  /** What is to be changed in a request, where it stays wrong; absent: the text. */
  pointer?: '/language' | '/text'
}

/** Calls back after so many milliseconds, unless it is called itself first. */
export type After = (ms: number, then: () => void) => () => void

export interface Speaking {
  /** WAV, or why there is none; never rejects. */
  done: Promise<Buffer | SpeakProblem>
  /** Ends it at once. */
  kill(): void
}

export function speak(task: SpeakTask, after: After): Speaking {
  try {
    const run = new Run(task, after)
    return { done: run.done, kill: () => run.fail(STOPPED) }
  } catch (error) {
    return { done: Promise.resolve(notStarted(error as NodeJS.ErrnoException)), kill: () => {} }
  }
}

const STOPPED: SpeakProblem = { reason: 'SPEECH_FAILED', detail: 'the engine is stopping', isTemporary: true }
/** The program's doing, not the text's: it may be mended. */
const NO_WAV: SpeakProblem = {
  reason: 'SPEECH_FAILED',
  detail: 'the program writes without end, and no WAV that can be read',
  isTemporary: true,
}

function notStarted({ code, message }: NodeJS.ErrnoException): SpeakProblem {
  return { reason: 'SPEECH_FAILED', detail: `the program could not be started: ${code ?? message}`, isTemporary: true }
}

export function isProblem<T extends object>(result: T | SpeakProblem): result is SpeakProblem {
  return 'reason' in result
}

/** What a program that is not there is told as. */
export function unavailable(file: string, code: string | undefined): SpeakProblem {
  const why = code === 'EACCES' ? 'may not be run' : 'is not there'
  const remedy =
    file === 'espeak-ng' ? 'apt-get install espeak-ng, or set speech.command' : 'install it, or correct speech.command'
  return { reason: 'SPEECH_UNAVAILABLE', detail: `${JSON.stringify(file)} ${why}; ${remedy}`, isTemporary: true }
}

class Run {
  readonly #task: SpeakTask
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #cancel: () => void
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #bytesMax: number
  /** So it begins, as far as is known. */
  #isWav = true
  #stderr = ''
  #problem: SpeakProblem | null = null
  #resolve: (result: Buffer | SpeakProblem) => void = () => {}
  readonly done: Promise<Buffer | SpeakProblem>

  constructor(task: SpeakTask, after: After) {
    this.#task = task
    this.#bytesMax = (task.maxSeconds + SLACK_SECONDS) * BYTE_RATE_MAX
    this.done = new Promise((resolve) => {
      this.#resolve = resolve
    })
    const { file, args, environment } = task.program
    // Detached: with its own group, what the program itself started is ended with it.
    this.#child = spawn(file, args, { cwd: '/', env: environment, stdio: ['pipe', 'pipe', 'pipe'], detached: true })
    const { stdin, stdout, stderr } = this.#child
    this.#child.on('error', (error) => this.#notStarted(error as NodeJS.ErrnoException))
    this.#child.on('close', (code, signal) => this.#closed(code, signal))
    // So it is where no pipe could be made: the error comes by itself.
    if ((stdin as Writable | undefined) === undefined) {
      this.#cancel = () => {}
      return
    }
    stdout.on('data', (chunk: Buffer) => this.#take(chunk))
    stderr.on('data', (chunk: Buffer) => {
      if (this.#stderr.length < STDERR_BYTES) this.#stderr += chunk.toString('utf8')
    })
    for (const stream of [stdin, stdout, stderr]) stream.on('error', () => {})
    this.#lowerPriority()
    stdin.end(task.text, 'utf8')
    this.#cancel = after(task.timeoutMs, () =>
      this.fail({
        reason: 'SPEECH_FAILED',
        detail: `the program had not spoken the text after ${task.timeoutMs} ms (speech.timeoutMs)`,
        isTemporary: true,
      }),
    )
  }

  #lowerPriority(): void {
    if (this.#child.pid === undefined) return
    try {
      setPriority(this.#child.pid, NICE)
    } catch {
      // Where the system does not allow it, it runs as it is.
    }
  }

  #notStarted(error: NodeJS.ErrnoException): void {
    const isMissing = error.code === 'ENOENT' || error.code === 'EACCES'
    this.#problem ??= isMissing ? unavailable(this.#task.program.file, error.code) : notStarted(error)
    this.#end(this.#problem)
  }

  #take(chunk: Buffer): void {
    if (this.#problem !== null) return
    this.#chunks.push(chunk)
    const before = this.#bytes
    this.#bytes += chunk.length
    if (before < HEAD_BYTES && this.#bytes >= HEAD_BYTES) this.#readHead()
    if (this.#bytes > this.#bytesMax) this.fail(this.#isWav ? tooLong(this.#task.maxSeconds) : NO_WAV)
  }

  #readHead(): void {
    const head = Buffer.concat(this.#chunks)
    this.#isWav = /^(?:RIFF|RF64|BW64)/.test(head.toString('latin1', 0, 4))
    if (head.toString('latin1', 0, 4) !== 'RIFF' || head.toString('latin1', 8, 16) !== 'WAVEfmt ') return
    const byteRate = head.readUInt32LE(BYTE_RATE_AT)
    if (byteRate > 0 && byteRate < BYTE_RATE_MAX) {
      this.#bytesMax = (this.#task.maxSeconds + SLACK_SECONDS) * byteRate
    }
  }

  fail(problem: SpeakProblem): void {
    if (this.#problem !== null) return
    this.#problem = problem
    this.#chunks.length = 0
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      this.#child.kill('SIGKILL')
    }
    // Somebody who left the group may hold them open for ever.
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) stream.destroy()
  }

  #closed(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#problem !== null) this.#end(this.#problem)
    else if (code !== 0) this.#end(this.#broken(code, signal))
    else if (this.#bytes === 0) this.#end(this.#said('the program wrote no sound'))
    else this.#end(Buffer.concat(this.#chunks))
  }

  #broken(code: number | null, signal: NodeJS.Signals | null): SpeakProblem {
    return this.#said(signal === null ? `the program ended with code ${code}` : `the program was ended by ${signal}`)
  }

  /** With the first line of what it said, less the words of the text, which are nobody's business in a log. */
  #said(what: string): SpeakProblem {
    const words = new Set(this.#task.text.toLowerCase().match(/[\p{L}\p{N}]+/gu))
    const line = this.#stderr
      .trim()
      .split('\n')[0]!
      .replace(/\p{C}/gu, ' ')
      .replace(/[\p{L}\p{N}]+/gu, (word) => (words.has(word.toLowerCase()) ? '…' : word))
      .slice(0, STDERR_CHARS)
    return { reason: 'SPEECH_FAILED', detail: line === '' ? what : `${what}: ${line}`, isTemporary: true }
  }

  #end(result: Buffer | SpeakProblem): void {
    this.#cancel()
    this.#resolve(result)
  }
}

export function tooLong(maxSeconds: number): SpeakProblem {
  const detail = `the text takes longer than ${maxSeconds} seconds to speak (speech.maxSeconds); shorten it`
  return { reason: 'SPEECH_FAILED', detail, isTemporary: false }
}
