/** When a single message goes, and until when. Main thread. */
import type { MessageRequest } from '../contract/api.js'

export interface Times {
  /** Epoch seconds, 0 = at once. */
  dueSeconds: number
  /** Epoch seconds, 0 = never. */
  expiresSeconds: number
}

export function timesOf(request: MessageRequest, dueMs: number, nowMs: number): Times {
  const dueSeconds = Math.ceil(Math.max(0, dueMs) / 1000)
  const from = Math.max(dueSeconds, Math.ceil(nowMs / 1000))
  const valid = request.validForSeconds ?? 0
  return { dueSeconds, expiresSeconds: valid > 0 ? Math.min(from + valid, 0xffffffff) : 0 }
}
