/**
 * The media thread: RTP of all calls of one dispatcher. It has one timer, which runs while a call is open: every 5 ms a
 * quarter of the calls sends the next 20 ms of its sound.
 */
import assert from 'node:assert'
import { randomBytes } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from './engine/contract/clock.js'
import { createLog } from './engine/observe/log.js'
import { HeardCells } from './sip/media/heard-cells.js'
import { MediaEngine } from './sip/media/media-engine.js'
import type { ToMedia } from './sip/media/media-messages.js'
import type { MediaStart } from './start-media.js'

/** Later than that by the timer, and sound is missing: worth a line in the log, at most one in so long. */
const LATE_MS = 40
const LATE_EVERY_MS = 60_000

assert(parentPort !== null, 'runs as a worker thread')
const dispatcher = parentPort
const { logLevel, memory } = workerData as MediaStart & { memory: SharedArrayBuffer }
const log = createLog(logLevel)
const engine = new MediaEngine({
  clock: systemClock,
  log,
  heard: new HeardCells(memory),
  chance: () => randomBytes(4).readUInt32LE(),
  tell: (message) => dispatcher.postMessage(message),
})

let isTicking = false
let lastTickMs = 0
let lastLateMs = Number.NEGATIVE_INFINITY

function tick(): void {
  isTicking = engine.callsOpen > 0
  if (!isTicking) return
  noteLateness(systemClock.monotonic())
  engine.tick()
  setTimeout(tick, engine.nextTickMs)
}

function noteLateness(nowMs: number): void {
  const lateMs = nowMs - lastTickMs
  lastTickMs = nowMs
  if (lateMs < LATE_MS || nowMs - lastLateMs < LATE_EVERY_MS) return
  lastLateMs = nowMs
  log.warn({ lateMs: Math.round(lateMs), calls: engine.callsOpen }, 'sound is late: the machine has too much to do')
}

dispatcher.on('message', (message: ToMedia) => {
  engine.handle(message)
  if (isTicking || engine.callsOpen === 0) return
  lastTickMs = systemClock.monotonic()
  tick()
})
