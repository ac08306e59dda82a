/** Whether the tables agree with each other: jobs with their blocks, the queue with both, money with what jobs hold, contacts with their index. */
import { jobId } from '../contract/ids.js'
import { STATE, STATES } from '../contract/message.js'
import type { DispatchCounts } from '../contract/store.js'
import { openHold } from '../money/hold.js'
import type { PurseRecord } from '../money/purse.js'
import { BlockReader } from '../store/block.js'
import { decodeCounts } from '../store/counts-record.js'
import type { Environment } from '../store/environment.js'
import { decodeRange } from '../store/range-record.js'
import { openRecord } from '../store/sealed-record.js'
import { BlockSums, type JobSums } from './block-sums.js'
import type { Findings } from './findings.js'

/** Blocks between two signs of life. */
const STEP = 256
/** Amounts are sums of millionths; a share of one may stay over. */
const MICROS = 1

/** Yields nothing of interest, now and then, so that others have their turn. */
export function* verifySums(environment: Environment, findings: Findings): Generator<void> {
  const sums = new BlockSums(environment)
  let blocks = 0
  for (const { key, value } of environment.blocks.getRange({})) {
    sums.add(key as number, value)
    if (++blocks % STEP === 0) yield
  }
  verifyCounts(environment, sums, findings)
  yield
  for (const { key, value } of environment.ranges.getRange({})) {
    unlessDamaged(() => verifyRange(environment, { key: key as number[], value }, findings))
    yield
  }
  for (const { key, value } of environment.queue.getRange({})) {
    verifyQueued(
      environment,
      { key: key as number[], messages: value.length < 2 ? 0 : value.readUInt16LE(0) },
      findings,
    )
    if (++blocks % STEP === 0) yield
  }
  verifyMoney(environment, findings)
}

/** A damaged record is named by the pass over all records. */
function unlessDamaged<T>(read: () => T): T | null {
  try {
    return read()
  } catch {
    return null
  }
}

function verifyCounts(environment: Environment, sums: BlockSums, findings: Findings): void {
  for (const { key, value } of environment.counts.getRange({})) {
    const job = key as number
    const counts = unlessDamaged(() => decodeCounts(value))
    const found = sums.jobs.get(job)
    if (counts === null || found === undefined || sums.isUnclear || sums.unclear.has(job)) continue
    for (const problem of differences(counts, found)) findings.add('queue/counts', job, problem, [jobId(job)])
  }
}

function* differences(counts: DispatchCounts, sums: JobSums): Generator<string> {
  // What waits is what the others leave over, and is not kept.
  for (let state: number = STATE.scheduled; state < STATES.length; state++) {
    const unclaimed = state === STATE.canceled ? counts.canceledUnclaimed : 0
    const found = sums.states[state]! + unclaimed
    if (counts.states[state] !== found) {
      yield `counts ${counts.states[state]} messages ${STATES[state]}, and its blocks have ${found}`
    }
  }
  if (counts.partsSent !== sums.partsSent)
    yield `counts ${counts.partsSent} parts sent, and its blocks have ${sums.partsSent}`
  if (counts.sentFinal !== sums.sentFinal)
    yield `counts ${counts.sentFinal} sent for good, and its blocks have ${sums.sentFinal}`
}

/** Blocks of rows that were forgotten are gone with their range; the others are all there, with as many messages. */
function verifyRange(
  environment: Environment,
  { key, value }: { key: number[]; value: Buffer },
  findings: Findings,
): void {
  const { blocks, accepted } = decodeRange(value)
  const job = key[0]!
  let messages = 0
  for (const block of blocks) {
    const bytes = environment.blocks.getBinary(block)
    const reader = bytes === undefined ? null : new BlockReader(bytes)
    if (reader === null) findings.add('queue/ranges', key, `names block ${block}, which is not there`, [jobId(job)])
    else if (reader.intact && reader.job !== job) {
      findings.add('queue/ranges', key, `names block ${block}, which is of ${jobId(reader.job)}`, [jobId(job)])
    }
    messages += reader?.count ?? 0
  }
  if (messages !== accepted) {
    findings.add('queue/ranges', key, `accepted ${accepted} messages, and its blocks have ${messages}`, [jobId(job)])
  }
}

function verifyQueued(
  environment: Environment,
  { key, messages }: { key: number[]; messages: number },
  findings: Findings,
): void {
  const [job, route, , block] = key as [number, number, number, number]
  const add = (problem: string): void => findings.add('queue/queue', key, problem, [jobId(job)])
  const bytes = environment.blocks.getBinary(block)
  if (bytes === undefined) {
    add(`names block ${block}, which is not there`)
    return
  }
  const reader = new BlockReader(bytes)
  if (!reader.intact) return
  if (reader.job !== job || reader.route !== route) add(`names block ${block}, which is of another job or route`)
  if (messages > reader.count) add(`has ${messages} messages waiting in block ${block}, which has ${reader.count}`)
  if (environment.open.doesExist(block)) add(`lets block ${block} wait, which is being sent`)
}

/** An account reserves at least what its jobs hold. */
function verifyMoney(environment: Environment, findings: Findings): void {
  const held = new Map<number, number>()
  for (const { value } of environment.holds.getRange({})) {
    const hold = unlessDamaged(() => openHold(value))
    if (hold !== null) held.set(hold.account, (held.get(hold.account) ?? 0) + hold.amount - hold.settled)
  }
  for (const { key, value } of environment.money.getRange({})) {
    const purse = unlessDamaged(() => openRecord<PurseRecord>(value, 'money'))
    const least = held.get(key as number) ?? 0
    if (purse === null || purse.held >= least - MICROS) continue
    findings.add('queue/money', key, `reserves ${purse.held} millionths, and its jobs hold ${least}`)
  }
}
