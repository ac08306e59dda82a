/**
 * Ends connections whose peer lets us wait: one that takes nothing of its answer, or so little that it never ends, and one whose
 * upload does not get on. Where unread answers fill the memory that there is for them, patience is shorter. Main thread.
 */
import { limits } from '../../engine/contract/limits.js'
import type { Connection, Connections } from './connections.js'

const SWEEP_MS = 5_000

export interface PatienceDeps {
  connections: Connections
  /** Octets of answers that wait to be read. */
  waiting(): number
  dropped(reason: 'reader' | 'upload'): void
  now(): number
}

export class Patience {
  readonly #deps: PatienceDeps
  readonly #timer: NodeJS.Timeout

  constructor(deps: PatienceDeps) {
    this.#deps = deps
    this.#timer = setInterval(() => this.sweep(deps.now()), SWEEP_MS)
    this.#timer.unref()
  }

  /** `nowMs`: monotonic. */
  sweep(nowMs: number): void {
    const isScarce = this.#deps.waiting() > limits.answerBytes
    const stallMs = isScarce ? limits.readStallScarceMs : limits.readStallMs
    for (const connection of this.#deps.connections.values()) {
      if (connection.open.size === 0) {
        mark(connection, nowMs)
        continue
      }
      const reason = verdict(connection, nowMs, stallMs)
      if (reason === null) continue
      this.#deps.dropped(reason)
      connection.socket.destroy()
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }
}

function verdict(connection: Connection, nowMs: number, stallMs: number): 'reader' | 'upload' | null {
  const { socket, marked } = connection
  const unsent = socket.writableLength
  const sent = socket.bytesWritten - unsent
  if (unsent === 0 || sent !== connection.sent) {
    connection.sent = sent
    connection.sentAtMs = nowMs
  }
  if (nowMs - connection.sentAtMs >= stallMs) return 'reader'
  const isOver = nowMs - marked.atMs >= limits.transferMs
  if (!isOver) return null
  const isRead = unsent === 0 || sent - marked.sent >= limits.transferBytesMin
  const isSent = !isAwaited(connection) || socket.bytesRead - marked.received >= limits.transferBytesMin
  mark(connection, nowMs)
  if (!isRead) return 'reader'
  return isSent ? null : 'upload'
}

/** From here on its progress counts. */
function mark(connection: Connection, nowMs: number): void {
  const { socket, marked } = connection
  connection.sent = socket.bytesWritten - socket.writableLength
  connection.sentAtMs = nowMs
  Object.assign(marked, { sent: connection.sent, received: socket.bytesRead, atMs: nowMs })
}

/** Its upload is read as fast as it comes. */
function isAwaited({ open }: Connection): boolean {
  for (const { isUpload, isAnswered, body } of open) {
    if (isUpload && !isAnswered && !body.complete && body.readableLength === 0) return true
  }
  return false
}
