/** Ledgers of a run in which nothing went wrong, made to say that something did: what the checker must then name. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { FaultSeen, LedgerPaths } from '../proof/torture/book.js'
import type { CarrierSeen, SubmitSeen } from '../proof/torture/carrier-ledger.js'
import type { Accepted, DriverSeen, Intent } from '../proof/torture/driver-ledger.js'
import type { EngineView } from '../proof/torture/engine-view.js'
import { markerText } from '../proof/torture/marker.js'
import type { SinkSeen } from '../proof/torture/sink.js'

const SECOND = 1_000_000

export interface Ledgers {
  driver: DriverSeen[]
  sink: SinkSeen[]
  alpha: CarrierSeen[]
}

/** What must be found. */
export interface Named {
  invariant: string
  id: string
}

export interface Doctor {
  what: string
  /** Changes the ledgers. */
  change(ledgers: Ledgers, view: EngineView): Named
}

/** Lines of a carrier that stood still itself are left out: they would excuse what is put in. */
export function readLedgers(paths: LedgerPaths): Ledgers {
  const lines = <T>(file: string): T[] => {
    const text = readFileSync(file, 'utf8')
    return text === ''
      ? []
      : (text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)) as T[])
  }
  const alpha = lines<CarrierSeen>(paths.carriers.alpha!).filter(({ e }) => e !== 'lag')
  return { driver: lines(paths.driver), sink: lines(paths.sink), alpha }
}

/** Into a folder of their own; what was not changed comes from `paths`, but for the faults: there were none. */
export function writeLedgers(ledgers: Ledgers, paths: LedgerPaths, folder: string): LedgerPaths {
  const write = (name: string, entries: readonly object[]): string => {
    const file = path.join(folder, name)
    writeFileSync(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
    return file
  }
  const beta = path.join(folder, 'beta')
  copyFileSync(paths.carriers.beta!, beta)
  return {
    driver: write('driver', ledgers.driver),
    sink: write('sink', ledgers.sink),
    faults: write('faults', [] satisfies FaultSeen[]),
    carriers: { alpha: write('alpha', ledgers.alpha), beta },
  }
}

function submitsOf({ alpha }: Ledgers): SubmitSeen[] {
  return alpha.filter((seen): seen is SubmitSeen => seen.e === 'submit' && seen.status === 0 && seen.marker >= 0)
}

function intentOf({ driver }: Ledgers, marker: number): Intent {
  return driver.find(
    (seen): seen is Intent => seen.e === 'intent' && marker >= seen.first && marker < seen.first + seen.count,
  )!
}

/** A part at alpha whose message was delivered and belongs to a job, or to none. */
function delivered(
  ledgers: Ledgers,
  view: EngineView,
  hasJob: boolean,
): { submit: SubmitSeen; id: string; job: string } {
  for (const submit of submitsOf(ledgers)) {
    const [message] = view.messages.get(submit.marker) ?? []
    if (message?.state !== 'delivered' || (message.job !== null) !== hasJob) continue
    return { submit, id: message.id, job: message.job ?? '' }
  }
  throw new Error('no such message')
}

/** Of the first session so many parts come again when it is lost; `status` of what the carrier says to them. @returns the session. */
export function sendAgain(ledgers: Ledgers, count: number, status = 0): number {
  const { session } = submitsOf(ledgers)[0]!
  const parts = submitsOf(ledgers).filter((one) => one.session === session)
  const last = parts.at(-1)!.t
  ledgers.alpha = ledgers.alpha.filter((seen) => seen.e !== 'closed')
  ledgers.alpha.push({ e: 'closed', t: last + 1, session })
  for (const one of parts.slice(0, count))
    ledgers.alpha.push({ ...one, t: last + 2, session: 999, status, id: `again ${one.id}` })
  return session
}

export const DOCTORS: readonly Doctor[] = [
  {
    what: 'a row that was accepted is not there',
    change: ({ driver }) => {
      const intent = driver.find((seen): seen is Intent => seen.e === 'intent' && seen.kind === 'single')!
      const accepted = driver.find((seen): seen is Accepted => seen.e === 'accepted' && seen.key === intent.key)!
      const key = 'acme-9000000-1'
      driver.push({ ...intent, key, first: 9_000_000 }, { ...accepted, key })
      return { invariant: 'I1', id: markerText(9_000_000) }
    },
  },
  {
    what: 'a job that was accepted is not there',
    change: ({ driver }) => {
      const accepted = driver.find((seen): seen is Accepted => seen.e === 'accepted' && seen.job !== '')!
      accepted.job = 'job_zzzzzzzz'
      return { invariant: 'I1', id: 'job_zzzzzzzz' }
    },
  },
  {
    what: 'a message is of a row that nobody handed in',
    change: (ledgers, view) => {
      const { submit } = delivered(ledgers, view, false)
      const { key } = intentOf(ledgers, submit.marker)
      ledgers.driver = ledgers.driver.filter((seen) => !('key' in seen) || seen.key !== key)
      return { invariant: 'I1', id: markerText(submit.marker) }
    },
  },
  {
    what: 'a message is at another account',
    change: (ledgers, view) => {
      const { submit } = delivered(ledgers, view, false)
      const intent = intentOf(ledgers, submit.marker)
      intent.account = intent.account === 'acme' ? 'bolt' : 'acme'
      return { invariant: 'I1', id: markerText(submit.marker) }
    },
  },
  {
    what: 'a part came again while its bind lived',
    change: (ledgers) => {
      const submit = submitsOf(ledgers)[0]!
      const t = submit.t + SECOND
      ledgers.alpha = ledgers.alpha.filter(({ e }) => e !== 'closed')
      ledgers.alpha.push({ ...submit, t, id: 'again' })
      return { invariant: 'I2', id: markerText(submit.marker) }
    },
  },
  {
    what: 'a lost bind caused one repeat more than window and cap',
    change: (ledgers) => ({ invariant: 'I2', id: `alpha, session ${sendAgain(ledgers, 21)}` }),
  },
  {
    what: 'more parts in a second than were agreed',
    change: (ledgers) => {
      const submit = { ...submitsOf(ledgers).at(-1)!, marker: -1 }
      // 300 a second, and one window of ten.
      for (let n = 1; n <= 400; n++) ledgers.alpha.push({ ...submit, t: submit.t + 2 * SECOND + n * 1_000 })
      return { invariant: 'I3', id: 'alpha' }
    },
  },
  {
    what: 'more parts were under way than the window has',
    change: ({ alpha }) => {
      alpha.push({ e: 'beyond', t: alpha.at(-1)!.t, session: 1, outstanding: 11 })
      return { invariant: 'I4', id: 'alpha' }
    },
  },
  {
    what: 'the end of a message never reached the sink',
    change: (ledgers, view) => {
      const { submit, id } = delivered(ledgers, view, true)
      for (const seen of ledgers.sink) {
        if (seen.e === 'delivery') seen.entries = seen.entries.filter((entry) => entry.id !== id || !entry.final)
      }
      return { invariant: 'I5', id: markerText(submit.marker) }
    },
  },
  {
    what: 'a receipt that was answered says something else than the message became',
    change: (ledgers, view) => {
      const { submit } = delivered(ledgers, view, true)
      const ids = new Set(
        submitsOf(ledgers)
          .filter(({ marker }) => marker === submit.marker)
          .map(({ id }) => id),
      )
      for (const seen of ledgers.alpha) if (seen.e === 'receipt' && ids.has(seen.id)) seen.state = 5
      return { invariant: 'I5', id: markerText(submit.marker) }
    },
  },
  {
    what: 'a delivery to the sink was forged',
    change: ({ sink }) => {
      sink.push({ e: 'forged', t: 1, account: 'acme', id: 'forged-1' })
      return { invariant: 'I5', id: 'forged-1' }
    },
  },
  {
    what: 'a message left after its opt-out was acknowledged',
    change: (ledgers) => {
      const { marker, t, to } = submitsOf(ledgers)[0]!
      ledgers.driver.push({ e: 'optedOut', t: t - 2 * SECOND, marker, to: `+${to}`, how: 'api' })
      return { invariant: 'I7', id: markerText(marker) }
    },
  },
  {
    what: 'a message left outside its hours',
    change: (ledgers, view) => {
      const { submit } = delivered(ledgers, view, false)
      intentOf(ledgers, submit.marker).kind = 'closed'
      return { invariant: 'I8', id: markerText(submit.marker) }
    },
  },
  {
    what: 'messages to one number left in another order',
    change: (ledgers) => {
      const parts = submitsOf(ledgers)
      const late = parts.find(({ marker }) => {
        const { ordered, first } = intentOf(ledgers, marker)
        return ordered && marker > first && !parts.some((one) => one.marker === marker && one.part > 1)
      })!
      late.t -= 600 * SECOND
      return { invariant: 'I9', id: markerText(late.marker) }
    },
  },
  {
    what: 'a job counts a part as sent that no carrier has',
    change: (ledgers, view) => {
      const { submit, job } = delivered(ledgers, view, true)
      ledgers.alpha = ledgers.alpha.filter((seen) => seen.e !== 'submit' || seen.marker !== submit.marker)
      return { invariant: 'I10', id: job }
    },
  },
]
