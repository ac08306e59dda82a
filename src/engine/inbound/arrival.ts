/**
 * How one PDU came, and whether another of the same content is a second message or the carrier's repetition of the first.
 *
 * SMPP has no mark for a repeated deliver_sm. A carrier repeats what it saw no answer to: because the connection broke, or
 * because the process ended without a drain, shortly after. Only then is the same content taken for the same message;
 * who writes the same word twice has written it twice. Main thread.
 */
import { createHash } from 'node:crypto'
import { limits } from '../contract/limits.js'
import type { BrokenConnection } from '../contract/outcome.js'
import type { InboundRecord } from '../store/inbound-record.js'

export interface Arrival {
  /** Of all that a repetition has in common with the first. */
  print: string
  run: number
  bind: number
  connection: number
  atMs: number
  /** What was in doubt when it came. Not stored: it speaks of earlier ones. */
  doubt?: { from: number; broken: readonly BrokenConnection[] }
}

/** An answer written so long before a break has arrived. */
const ANSWER_MS = 30_000

export function arrivalOf(record: InboundRecord): Arrival {
  const { run, bind, connection, atMs, doubtFrom, broken } = record
  return { print: printOf(record), run, bind, connection, atMs, doubt: { from: doubtFrom, broken } }
}

/** What is stored with a message of the list. */
export function bare({ print, run, bind, connection, atMs }: Arrival): Arrival {
  return { print, run, bind, connection, atMs }
}

function printOf({ carrier, from, to, dataCoding, esmClass, sar, payload }: InboundRecord): string {
  const head = JSON.stringify([carrier, from, to, dataCoding, esmClass, sar])
  return createHash('sha256').update(head).update(payload).digest('base64url').slice(0, 22)
}

/** The two have the same print. True: the carrier may well not have had our answer to the first. */
export function isRepeat(first: Arrival, again: Arrival): boolean {
  const { doubt } = again
  if (doubt === undefined || again.atMs - first.atMs > limits.inboundDoubtMs) return false
  if (first.run !== again.run) return first.run >= doubt.from
  return doubt.broken.some(
    ({ bind, connection, atMs }) =>
      bind === first.bind && connection === first.connection && atMs - first.atMs <= ANSWER_MS,
  )
}
