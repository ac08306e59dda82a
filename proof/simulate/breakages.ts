/**
 * Rules of the product that the simulation breaks on purpose, one at a time: each must be found by the check of its invariant,
 * because a check that cannot fail proves nothing (test/simulated-controls.test.ts).
 */

export interface Breakage {
  /** Of reliability.md: one of them must be found broken. */
  readonly invariants: readonly string[]
  /** Commits are told of before they are durable, so receipts and answers are believed too early. */
  readonly tellsEarly?: boolean
  /** A write to this table is lost. */
  readonly loses?: string
  readonly ignoresOptOuts?: boolean
  readonly widensWindow?: boolean
  readonly quickens?: boolean
  /** A slot is free as soon as its answer is there, durable or not. */
  readonly freesSlotsEarly?: boolean
  readonly ignoresHours?: boolean
  readonly ignoresOrder?: boolean
  readonly ignoresHold?: boolean
  readonly ignoresPace?: boolean
}

export const BREAKAGES: Readonly<Record<string, Breakage>> = {
  'a commit is told of before it is durable': { invariants: ['I1', 'I2', 'I5'], tellsEarly: true },
  'a block is lost': { invariants: ['I1', 'I12'], loses: 'blocks' },
  'a block falls out of the queue': { invariants: ['I1', 'I12'], loses: 'queue' },
  'outcomes are not logged': { invariants: ['I1', 'I2', 'I5', 'I10'], loses: 'log' },
  'a slot is freed before its answer is durable': { invariants: ['I2'], freesSlotsEarly: true },
  'hold sends again': { invariants: ['I2'], ignoresHold: true },
  'a burst over the rate': { invariants: ['I3'], quickens: true },
  'the rate of a job is not kept': { invariants: ['I3'], ignoresPace: true },
  'a window of one more': { invariants: ['I4'], widensWindow: true },
  'orphaned receipts are dropped': { invariants: ['I5'], loses: 'orphans' },
  'events of webhooks are lost': { invariants: ['I5'], loses: 'events' },
  'opt-outs are not asked for': { invariants: ['I7'], ignoresOptOuts: true },
  'sending hours are not kept': { invariants: ['I8'], ignoresHours: true },
  'messages of one recipient overtake each other': { invariants: ['I9'], ignoresOrder: true },
  'counts are not stored': { invariants: ['I10'], loses: 'counts' },
}
