/** What crosses between the dispatcher thread and its media thread. `id` names a call over all carriers. */
import type { Clip, MediaPlace, MediaReport, MediaTarget } from './media.js'

/** `cell`: where it keeps how far it was heard (heard-cells.ts). */
export type ToMedia =
  | { type: 'open'; id: number; at: MediaPlace; cell: number }
  | { type: 'connect'; id: number; target: MediaTarget }
  | { type: 'play'; id: number; clips: readonly Clip[]; delayMs: number }
  | { type: 'close'; id: number }

export type FromMedia =
  | { type: 'opened'; id: number; port: number | null }
  | { type: 'digit'; id: number; digit: string }
  | { type: 'played'; id: number }
  | { type: 'failed'; id: number; why: string }
  | { type: 'closed'; id: number; report: MediaReport }
