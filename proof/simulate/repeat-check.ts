/**
 * I2: a part is taken twice only where the answer to the first was not heard, or heard and not durable when the process died;
 * at most W + C of them for each bind and crash; each is listed in the history; under `hold` there are none.
 */
import type { Row, Submit } from './ledger.js'
import type { StoredJob } from './stored-outcome.js'
import { demand } from './violation.js'
import type { World } from './world.js'

/** Adds to `byConnection` how many parts of each connection were taken again because its process died. */
export function noteRepeats(world: World, { rows }: StoredJob, byConnection: Map<number, number>): void {
  for (const [row, { unanswered }] of rows) {
    for (let part = 0; part < row.parts; part++) {
      const repeats = repeatsOf(world, row, part)
      if (repeats.length === 0) continue
      demand(row.job.onUnanswered !== 'hold', 'I2', () => `row ${row.row} is on hold, and was taken twice`)
      demand(unanswered > 0, 'I2', () => `row ${row.row} was taken twice, and its history does not say so`)
      for (const { connection } of repeats) byConnection.set(connection, (byConnection.get(connection) ?? 0) + 1)
    }
  }
}

export function checkRepeats(world: World, byConnection: ReadonlyMap<number, number>): void {
  for (const [connection, repeats] of byConnection) checkConnection(world, connection, repeats)
}

/** Submits that died with their process and were taken again. */
function repeatsOf(world: World, row: Row, part: number): Submit[] {
  const taken = row.submits.filter((submit) => submit.part === part && submit.verdict === 'accepted')
  return taken.slice(0, -1).filter((submit, index) => isOfCrash(world, submit, taken[index + 1]!))
}

/** False: its answer was lost, or too late. @throws Violation when neither is so. */
function isOfCrash({ ledger, plan }: World, submit: Submit, again: Submit): boolean {
  const { responseTimeoutMs } = plan.carriers[submit.carrier]!
  const isLate = submit.answeredMs - submit.writtenMs >= responseTimeoutMs
  const life = ledger.lives[submit.life]!
  const hasDied = life.endedMs >= 0 && again.life !== submit.life
  if (submit.answeredMs >= 0 && !isLate) {
    const what = (): string => `part ${submit.part} of row ${submit.row.row} was answered, and sent again`
    demand(hasDied && !life.wasStopped, 'I2', what)
  }
  // What had timed out before was to be sent again anyhow.
  const hadTimedOut = submit.answeredMs < 0 && life.endedMs - submit.writtenMs >= responseTimeoutMs
  return hasDied && !hadTimedOut
}

function checkConnection({ ledger, plan }: World, number: number, repeats: number): void {
  const { carrier } = ledger.connections[number]!
  const { window, cap } = plan.carriers[carrier]!
  const most = window + cap
  demand(
    repeats <= most,
    'I2',
    () => `connection ${number} died with ${repeats} parts that went again; W + C is ${most}`,
  )
}
