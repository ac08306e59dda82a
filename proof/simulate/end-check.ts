/** What must hold at the end of a run, and at each crash: the ledger of the simulation against what the disk says (I1, I2, I5, I10). */
import { messageId } from '../../src/engine/contract/ids.js'
import { messageRef, STATE, STATES } from '../../src/engine/contract/message.js'
import type { Job } from './driver.js'
import type { Row, Submit } from './ledger.js'
import { checkRepeats, noteRepeats } from './repeat-check.js'
import { orphanIds, type Stored, type StoredJob, storedJob } from './stored-outcome.js'
import { demand } from './violation.js'
import type { World } from './world.js'

const ENDS: ReadonlySet<number> = new Set([
  STATE.delivered,
  STATE.undelivered,
  STATE.failed,
  STATE.expired,
  STATE.canceled,
])
const ENDED_OTHERWISE: ReadonlySet<number> = new Set([STATE.canceled, STATE.expired, STATE.failed])
/** What a receipt makes of its message. */
const BY_STAT: Readonly<Record<string, number>> = {
  DELIVRD: STATE.delivered,
  UNDELIV: STATE.undelivered,
  EXPIRED: STATE.expired,
  REJECTD: STATE.failed,
}

function isAccepted({ stage }: Job): boolean {
  return stage === 'accepted' || stage === 'finished'
}

/** Ends that the disk knows are kept in mind: none may be another one later. */
export function noteEnded({ disk, driver, ledger }: World): void {
  for (const job of driver.jobs.filter(isAccepted)) noteJob(storedJob(disk, job), ledger.ended)
}

function noteJob({ rows }: StoredJob, ended: Map<Row, number>): void {
  for (const [row, { state, isStored }] of rows) {
    // At a crash what became of the others may stand in the log alone.
    if (!isStored) continue
    const before = ended.get(row)
    demand(
      before === undefined || before === state,
      'I1',
      () => `row ${row.row} went from ${STATES[before!]} to ${STATES[state]}`,
    )
    if (ENDS.has(state)) ended.set(row, state)
  }
}

export function checkEnd(world: World): void {
  const { disk, driver, ledger } = world
  const orphans = orphanIds(disk)
  const repeats = new Map<number, number>()
  for (const job of driver.jobs.filter(isAccepted)) {
    const stored = storedJob(disk, job)
    checkStored(job, stored)
    noteJob(stored, ledger.ended)
    checkCounts(job, stored)
    for (const [row, what] of stored.rows) {
      checkParts(row, what)
      checkReceipts(world, row, { what, orphans })
      checkCanceled(row, what)
    }
    noteRepeats(world, stored, repeats)
    checkWebhooks(world, job, stored)
  }
  checkRepeats(world, repeats)
}

function checkStored(job: Job, { rows, missing }: StoredJob): void {
  const { job: number } = job.plan
  demand(missing.length === 0, 'I1', () => `blocks ${missing} of job ${number} are in no queue and have no state`)
  const lost = job.rows.find((row) => !rows.has(row))
  demand(lost === undefined, 'I1', () => `row ${lost!.row} of job ${number} has no state`)
}

/** I10: sums and parts by the product's own counts. `queued` and `scheduled` are kept by difference. */
function checkCounts(job: Job, { rows, counts }: StoredJob): void {
  const found = STATES.map(() => 0)
  let parts = 0
  for (const { state, accepted } of rows.values()) {
    found[state] = (found[state] ?? 0) + 1
    for (let rest = accepted; rest !== 0; rest &= rest - 1) parts++
  }
  for (let state = STATE.sending; state < STATES.length; state++) {
    const said = counts?.states[state] ?? 0
    demand(
      said === found[state],
      'I10',
      () => `job ${job.plan.job} counts ${said} ${STATES[state]}, there are ${found[state]}`,
    )
  }
  const said = counts?.partsSent ?? 0
  demand(said === parts, 'I10', () => `job ${job.plan.job} counts ${said} parts, ${parts} were accepted`)
}

/** A part counts as taken if and only if the carrier said so, and the product was there to hear it. */
function checkParts(row: Row, { accepted }: Stored): void {
  for (let part = 0; part < row.parts; part++) {
    if ((accepted & (1 << part)) === 0) continue
    const taken = row.submits.some((submit) => submit.part === part && submit.verdict === 'accepted')
    demand(taken, 'I10', () => `part ${part} of row ${row.row} counts as taken, and no carrier took it`)
  }
}

function checkReceipts(world: World, row: Row, from: { what: Stored; orphans: ReadonlyMap<string, number> }): void {
  const { what, orphans } = from
  const said = row.receipts.filter(({ ackedMs }) => ackedMs >= 0)
  if (said.length === 0) return
  let parked = 0
  for (const id of new Set(said.map(({ submit }) => idOf(world, submit)))) parked += orphans.get(id) ?? 0
  const acks = said.reduce((sum, { acks }) => sum + acks, 0)
  const kept = what.receipts + parked
  demand(kept >= acks, 'I5', () => `row ${row.row}: ${acks} receipts were acknowledged, ${kept} are kept`)
  if (row.parts > 1) return
  const known = said.filter(({ submit, stat }) => what.ids.has(submit.id) && BY_STAT[stat] !== undefined)
  if (known.length === 0) return
  // It ended so (canceled, expired, refused the second time) while nobody knew whether it had been sent.
  if (what.unanswered > 0 && ENDED_OTHERWISE.has(what.state)) return
  const fits = known.some(({ stat }) => BY_STAT[stat] === what.state)
  demand(fits, 'I5', () => `row ${row.row} is ${STATES[what.state]}, its receipts say ${known.map(({ stat }) => stat)}`)
}

/** As it stands in a receipt. */
function idOf({ plan }: World, { id, carrier }: Submit): string {
  return `${carrier} ${plan.carriers[carrier]!.hexReceipts ? Number(id).toString(16) : id}`
}

function checkCanceled(row: Row, { state }: Stored): void {
  if (state !== STATE.canceled || row.canceledMs < 0) return
  const late = row.submits.find(({ writtenMs, part }) => writtenMs > row.canceledMs + 1_000 && part === 0)
  demand(late === undefined, 'I1', () => `row ${row.row} is canceled, and was written after that`)
}

/** What the receiver was told last is what is so; never is an end followed by something else. */
function checkWebhooks({ plan, sink }: World, { plan: { account } }: Job, { rows }: StoredJob): void {
  if (!sink.watched.has(account)) return
  for (const [row, { state }] of rows) {
    const told = sink.told.get(messageId(messageRef(row.block, row.place))) ?? []
    const end = told.findIndex(({ state: name }) => ENDS.has(STATES.indexOf(name as (typeof STATES)[number])))
    const after =
      end < 0
        ? undefined
        : told.slice(end).find(({ state: name, life }) => life === told[end]!.life && name !== told[end]!.state)
    demand(after === undefined, 'I5', () => `row ${row.row}: told ${after!.state} after ${told[end]!.state}`)
    if (plan.mode !== 'liveness' || state <= STATE.sending) continue
    const last = told.at(-1)?.state ?? 'nothing'
    demand(last === STATES[state], 'I5', () => `row ${row.row} is ${STATES[state]}, the webhook was told ${last}`)
  }
}
