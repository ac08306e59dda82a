/**
 * The speech thread: texts become sound by a program beside us, uploads become sound that calls can play. Asked by the main
 * thread, and by the dispatcher over a port of its own. When it dies it is started anew (start-speech.ts), and what was asked is
 * asked again; what is on disk is whole.
 */

import assert from 'node:assert'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { armCrashPoint } from './engine/base/crash-point.js'
import { clientEnvironment } from './engine/config/client-environment.js'
import type { SpeechConfig } from './engine/config/speech.js'
import { systemClock } from './engine/contract/clock.js'
import { EngineError } from './engine/contract/errors.js'
import { createLog } from './engine/observe/log.js'
import { SharedMetrics } from './engine/observe/shared-metrics.js'
import type { SpeechProblem } from './sip/speech/speech.js'
import type {
  FromSpeech,
  PreparedMessage,
  PrepareMessage,
  SpeechError,
  SpeechStart,
  SpeechTask,
  SpeechTasks,
  ToSpeech,
} from './sip/speech/speech-messages.js'
import { SpeechRoom } from './sip/speech/speech-room.js'

/** How soon a program that was installed meanwhile is seen. */
const LOOK_MS = 5_000

assert(parentPort !== null, 'runs as a worker thread')
armCrashPoint(clientEnvironment().crashAt, 'speech')
const main = parentPort
const start = workerData as SpeechStart
const log = createLog(start.logLevel as Parameters<typeof createLog>[0])

function post(message: FromSpeech, transfer: ArrayBuffer[] = []): void {
  main.postMessage(message, transfer)
}

function after(ms: number, then: () => void): () => void {
  const timer = setTimeout(then, ms)
  return () => clearTimeout(timer)
}

const room = new SpeechRoom({
  dataDir: start.dataDir,
  config: start.speech as SpeechConfig,
  textDays: start.textDays,
  searchPath: start.searchPath,
  clock: systemClock,
  log,
  metrics: new SharedMetrics(start.metrics),
  after,
  changed: (status) => post({ type: 'status', status }),
})

function serve(port: MessagePort): void {
  port.on('message', async ({ request, body }: PrepareMessage) => {
    const result = await room.prepare(body).catch(unreadable)
    port.postMessage({ request, result } satisfies PreparedMessage)
  })
}

/** The disk does not give what lies on it. */
function unreadable(error: Error): SpeechProblem {
  log.error({ error: error.message }, 'a play list could not be made ready')
  return { reason: 'SPEECH_FAILED', detail: 'its sound could not be read; the log says why', isTemporary: true }
}

type Asked<T extends SpeechTask> = { request: number } & SpeechTasks[T]['asked']

async function answer<T extends SpeechTask>(task: T, asked: Asked<T>): Promise<void> {
  const { request } = asked
  try {
    const work = room[task] as (asked: SpeechTasks[T]['asked']) => Promise<SpeechTasks[T]['answer']>
    post({ type: 'answer', request, answer: await work.call(room, asked) })
  } catch (error) {
    post({ type: 'refused', request, error: errorOf(error) })
  }
}

function errorOf(error: unknown): SpeechError {
  if (error instanceof EngineError) {
    const { code, message, fields, retryAfterSeconds } = error
    return { code, message, fields, retryAfterSeconds }
  }
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC') return { code: 'STORE_FULL', message: 'The disk is full.', fields: [], retryAfterSeconds: 0 }
  log.error({ error: message }, 'the speech thread could not do what it was asked')
  return {
    code: 'INTERNAL',
    message: 'The sound could not be made; the log says why.',
    fields: [],
    retryAfterSeconds: 0,
  }
}

const handlers: { [K in ToSpeech['type']]: (message: Extract<ToSpeech, { type: K }>) => void } = {
  look: (message) => void answer('look', message),
  say: (message) => void answer('say', message),
  keep: (message) => void answer('keep', message),
  audio: (message) => void answer('audio', message),
  port: ({ port }) => serve(port),
  config: ({ speech }) => void room.use(speech as SpeechConfig),
  stop: () => void room.stop().then(() => post({ type: 'stopped' })),
}

main.on('message', (message: ToSpeech) => (handlers[message.type] as (message: ToSpeech) => void)(message))
setInterval(() => void room.tick(), LOOK_MS)
await room.tick()
