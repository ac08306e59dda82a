/** What the product's disk says of each message, read with the product's own formats but none of its memory. */
import { STATE } from '../../src/engine/contract/message.js'
import { OUTCOME } from '../../src/engine/contract/outcome.js'
import { BlockState } from '../../src/engine/store/block-state.js'
import { decodeCounts } from '../../src/engine/store/counts-record.js'
import { BY_RECEIPT } from '../../src/engine/store/entry.js'
import type { Job } from './driver.js'
import type { Row } from './ledger.js'
import type { Disk } from './memory-store.js'

export interface Stored {
  state: number
  isFinal: boolean
  /** From a stored state; else from where its block stands. */
  isStored: boolean
  /** Bits of parts that a carrier is known to have taken. */
  accepted: number
  /** Ids under which it has them. */
  ids: Set<string>
  /** Receipts in its history. */
  receipts: number
  /** Attempts in its history that saw no answer. */
  unanswered: number
}

export interface StoredJob {
  rows: Map<Row, Stored>
  /** Blocks of it that are neither in the queue nor have a state. */
  missing: number[]
  /** By its own counts; null: there are none. */
  counts: ReturnType<typeof decodeCounts> | null
}

export function storedJob(disk: Disk, job: Job): StoredJob {
  const found: StoredJob = { rows: new Map(), missing: [], counts: null }
  const queued = new Set(disk.rows('queue', 'queue').items.map(({ key }) => (key as readonly number[])[3]!))
  // Claimed, and nothing has happened to any message of it.
  for (const { key } of disk.rows('queue', 'open').items) queued.add(key as number)
  for (const block of job.blocks) {
    const rows = job.rows.filter((row) => row.block === block)
    const bytes = disk.rows('queue', 'states').find(block)?.value
    if (bytes !== undefined) readState(block, Buffer.from(bytes), { rows, into: found.rows })
    else if (queued.has(block)) setAll(rows, STATE.queued, found.rows)
    else if (job.state === 'canceled') setAll(rows, STATE.canceled, found.rows)
    else found.missing.push(block)
  }
  const counts = disk.rows('queue', 'counts').find(job.plan.job)?.value
  if (counts !== undefined) found.counts = decodeCounts(counts)
  return found
}

function blank(state: number, isFinal: boolean): Stored {
  return { state, isFinal, isStored: false, accepted: 0, ids: new Set(), receipts: 0, unanswered: 0 }
}

function setAll(rows: readonly Row[], state: number, into: Map<Row, Stored>): void {
  for (const row of rows) into.set(row, blank(state, state === STATE.canceled))
}

function readState(block: number, bytes: Buffer, to: { rows: readonly Row[]; into: Map<Row, Stored> }): void {
  const state = BlockState.decode(block, bytes)
  const byPlace = new Map(to.rows.map((row) => [row.place, row]))
  for (const [place, row] of byPlace) {
    const stored = blank(state.states[place]!, state.final[place] === 1)
    stored.isStored = true
    stored.accepted = state.accepted[place]!
    to.into.set(row, stored)
  }
  state.eachEntry(({ code, place, flags, id, idStart, idLength }) => {
    const row = byPlace.get(place)
    const stored = row === undefined ? undefined : to.into.get(row)
    if (stored === undefined) return
    if (code === OUTCOME.accepted && idLength > 0) stored.ids.add(id.latin1Slice(idStart, idStart + idLength))
    if (code === OUTCOME.unanswered) stored.unanswered++
    if ((flags & BY_RECEIPT) !== 0) stored.receipts++
  })
  state.dispose()
}

/** Ids of receipts that wait for their message, as they came, each as often as it waits. */
export function orphanIds(disk: Disk): Map<string, number> {
  const found = new Map<string, number>()
  for (const { value } of disk.rows('queue', 'orphans').items) {
    const id = value.latin1Slice(23, 23 + value[9]!)
    const key = `${value.readUInt16LE(0)} ${id}`
    found.set(key, (found.get(key) ?? 0) + 1)
  }
  return found
}
