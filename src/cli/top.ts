/** `trunkline top`: what carriers, binds and jobs do now, drawn again each second. */
import { setTimeout as delay } from 'node:timers/promises'
import type { JobView, Page } from '../engine/contract/api.js'
import type { CarrierView } from '../engine/contract/channel.js'
import { systemClock } from '../engine/contract/clock.js'
import { ApiClient } from './client.js'
import {
  type Command,
  clientHelp,
  clientOptions,
  numberOption,
  type OptionTable,
  readArguments,
  targetOf,
  untilInterrupted,
} from './command.js'
import { sentOf } from './job-view.js'
import { readSamples, type Samples, sumOf } from './metrics-text.js'
import { duration, print, printJson, table, whole } from './output.js'

const options: OptionTable = {
  ...clientOptions,
  interval: { type: 'string' },
  count: { type: 'string' },
}

/** States of jobs that are worth a line. */
const LIVE = ['running', 'receiving', 'paused', 'scheduled'] as const
const JOBS_SHOWN = 15
const CLEAR = '\u001b[H\u001b[2J'

/** What one look at the server saw. `samples`: null when the metrics are not served there. */
interface Look {
  atMs: number
  carriers: CarrierView[]
  jobs: JobView[]
  samples: Samples | null
}

export const top: Command = {
  help: `Usage: trunkline top [options]

Needs the admin key. On a terminal the view is drawn again each second; elsewhere it is printed below the last one.

  --interval S     seconds between looks (default 1)
  --count N        end after so many looks; the first look has no rates
${clientHelp}; one line a look

Example:
  TRUNKLINE_KEY=$(cat trunkline-data/admin.key) trunkline top`,

  async run(argv) {
    const { values } = readArguments(argv, options, 0)
    const intervalMs = (numberOption(values, 'interval', 0.1) ?? 1) * 1_000
    const countMax = numberOption(values, 'count', 1) ?? Number.POSITIVE_INFINITY
    const client = new ApiClient(targetOf(values))
    const ending = untilInterrupted()
    let last: Look | null = null
    for (let count = 1; !ending.signal.aborted; count++) {
      const look = await lookAt(client)
      const view = viewOf(look, last)
      if (values.json === true) printJson(view)
      else print((process.stdout.isTTY ? CLEAR : '') + drawn(view))
      if (count >= countMax) break
      last = look
      await delay(intervalMs, undefined, { signal: ending.signal }).catch(() => {})
    }
    return 0
  },
}

async function lookAt(client: ApiClient): Promise<Look> {
  const [carriers, text, ...pages] = await Promise.all([
    client.json<{ items: CarrierView[] }>('GET', '/v1/carriers'),
    client.text('/metrics'),
    ...LIVE.map((state) => client.json<Page<JobView>>('GET', `/v1/jobs?state=${state}&limit=${JOBS_SHOWN}`)),
  ])
  return {
    atMs: systemClock.monotonic(),
    carriers: carriers.items,
    jobs: pages.flatMap(({ items }) => items),
    samples: text === null ? null : readSamples(text),
  }
}

interface View {
  queued: number | null
  oldestDueSeconds: number | null
  carriers: (Omit<CarrierView, 'binds'> & {
    throttledPerSecond: number | null
    receiptsPerSecond: number | null
    binds: (CarrierView['binds'][number] & { partsPerSecond: number | null })[]
  })[]
  jobs: JobView[]
}

/** Rates are of the time since the last look; null without one. */
function viewOf(look: Look, last: Look | null): View {
  const perSecond = (name: string, labels: Record<string, string>): number | null => {
    if (look.samples === null || last === null || last.samples === null) return null
    const grown = sumOf(look.samples, name, labels) - sumOf(last.samples, name, labels)
    // A counter that shrank was of an engine that has been started anew.
    return grown < 0 ? null : (grown * 1000) / (look.atMs - last.atMs)
  }
  const oldest = look.samples?.get('trunkline_oldest_due_seconds')
  return {
    queued: look.samples === null ? null : sumOf(look.samples, 'trunkline_queue_depth'),
    oldestDueSeconds: oldest === undefined ? null : Math.max(0, ...oldest.values()),
    carriers: look.carriers.map((carrier) => ({
      ...carrier,
      throttledPerSecond: perSecond('trunkline_throttled_total', { carrier: carrier.id }),
      receiptsPerSecond: perSecond('trunkline_receipts_total', { carrier: carrier.id }),
      binds: carrier.binds.map((bind) => ({
        ...bind,
        partsPerSecond: perSecond('trunkline_parts_submitted_total', {
          carrier: carrier.id,
          bind: String(bind.index),
        }),
      })),
    })),
    jobs: look.jobs,
  }
}

function drawn(view: View): string {
  const head = [
    new Date(systemClock.now()).toISOString().slice(0, 19).replace('T', ' '),
    view.queued === null ? 'metrics are not served here' : `${whole(view.queued)} queued`,
    ...(view.oldestDueSeconds === null ? [] : [`oldest due for ${duration(view.oldestDueSeconds)}`]),
  ]
  const jobs = view.jobs.length === 0 ? 'no job is under way' : jobTable(view.jobs.slice(0, JOBS_SHOWN))
  return `${head.join('   ')}\n\n${view.carriers.length === 0 ? 'no carriers are configured' : carrierTable(view)}\n\n${jobs}`
}

function rate(value: number | null): string {
  return value === null ? '–' : whole(value)
}

function carrierTable({ carriers }: View): string {
  const rows = carriers.flatMap((carrier) =>
    carrier.binds.map((bind, n) => [
      n === 0 ? carrier.id : '',
      n > 0 ? '' : carrier.paused ? 'paused' : 'running',
      n > 0 ? '' : carrier.ratePerSecond === null ? 'no limit' : `${whole(carrier.ratePerSecond)}/s`,
      n > 0 ? '' : rate(carrier.throttledPerSecond),
      n > 0 ? '' : rate(carrier.receiptsPerSecond),
      bind.index,
      bind.state,
      rate(bind.partsPerSecond),
      `${bind.inFlight}/${bind.window}`,
      bind.lastError ?? '',
    ]),
  )
  const header = ['carrier', 'sending', 'rate', 'throttled/s', 'receipts/s', 'bind', 'state', 'parts/s', 'in flight']
  return table([...header, 'last error'], rows)
}

function jobTable(jobs: JobView[]): string {
  const rows = jobs.map(({ id, name, state, counts, progress }) => [
    id,
    (name ?? '').slice(0, 24),
    state,
    whole(counts.rows),
    whole(counts.queued + counts.scheduled),
    whole(sentOf(counts)),
    whole(counts.delivered),
    whole(counts.undelivered + counts.failed + counts.expired),
    whole(progress.messagesPerSecond),
  ])
  return table(['job', 'name', 'state', 'rows', 'waiting', 'sent', 'delivered', 'failed', 'messages/s'], rows)
}
