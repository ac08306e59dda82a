/** Each goal of speed: what it is measured by, and, where it is missed, why. */
import type { BenchRow } from './bench.js'

/** The row of a section by its name; null: it was not measured. */
export type Rows = (section: string, name: string) => BenchRow | null

export interface Found {
  figure: string
  isMet: boolean
}

export interface Goal {
  number: number
  what: string
  goal: string
  found(rows: Rows): Found | null
  /** Why it is missed, where it is. */
  reason?: string
}

function all<T>(values: (T | null)[]): T[] | null {
  return values.every((value) => value !== null) ? (values as T[]) : null
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-GB')
}

const LATENT_WINDOWS = [1, 10, 100, 1000]
const STAGES = ['50 million', '10 million', '1 million']
const LONG = 'end to end, durable, 5,000,000 rows'

/** Of the greatest stage that was measured. */
function ofStage(rows: Rows, name: (stage: string) => string): { stage: string; row: BenchRow } | null {
  for (const stage of STAGES) {
    const row = rows('growth', name(stage))
    if (row !== null) return { stage, row }
  }
  return null
}

export const GOALS: readonly Goal[] = [
  {
    number: 1,
    what: 'submits of one dispatcher thread, source in memory, window 1,000',
    goal: '≥ 0.20 of the limit and ≥ 30 × npm smpp; with receipts ≥ 0.30 of the limit',
    found(rows) {
      const names = ['trunkline, window 1000', 'npm smpp, window 1000', 'trunkline, window 1000, a receipt each']
      const found = all(names.map((name) => rows('submit', name)))
      if (found === null) return null
      const [ours, npm, receipts] = found as [BenchRow, BenchRow, BenchRow]
      const times = ours.value / npm.value
      return {
        figure: `${grouped(ours.value)}/s: ${ours.ratio!.toFixed(2)} of the limit, ${times.toFixed(0)} × npm smpp; receipts ${grouped(receipts.value)}/s, ${receipts.ratio!.toFixed(2)}`,
        isMet: ours.ratio! >= 0.2 && times >= 30 && receipts.ratio! >= 0.3,
      }
    },
    reason:
      'the limit writes the same encoded PDUs again and again, 64 KB and more a call, and is 2 to 3 times as fast here as when the goal was set (4.3 million/s); each submit of ours has its own text, slot, deadline and settlement',
  },
  {
    number: 2,
    what: 'windows 1 and 10',
    goal: '≥ 0.7 of the limit',
    found(rows) {
      const found = all([rows('submit', 'trunkline, window 1'), rows('submit', 'trunkline, window 10')])
      if (found === null) return null
      const [one, ten] = found as [BenchRow, BenchRow]
      return {
        figure: `${grouped(one.value)}/s: ${one.ratio!.toFixed(2)}; ${grouped(ten.value)}/s: ${ten.ratio!.toFixed(2)}`,
        isMet: one.ratio! >= 0.7 && ten.ratio! >= 0.7,
      }
    },
    reason:
      'a turn of Node’s event loop with one read and one write takes 40 to 50 µs here, 31 µs of them in the kernel’s write; a round trip of the C client takes 21 µs',
  },
  {
    number: 3,
    what: '50 ms latency, any window',
    goal: '≥ 0.97 of window / latency',
    found(rows) {
      const found = all(LATENT_WINDOWS.map((window) => rows('submit', `trunkline, window ${window}, 50 ms`)))
      if (found === null) return null
      const ratios = found.map(({ ratio }) => ratio!)
      const least = Math.min(...ratios)
      return { figure: ratios.map((ratio) => ratio.toFixed(3)).join(', '), isMet: least >= 0.97 }
    },
  },
  {
    number: 4,
    what: 'durable end to end, 5 million rows, two cores',
    goal: '≥ 60,000 messages/s, 25 × Kannel with its store file and receipts',
    found(rows) {
      const row = rows('end-to-end', `${LONG}: delivered`)
      if (row === null) return null
      const times = row.ratio === undefined ? 'no Kannel' : `${row.ratio.toFixed(0)} × Kannel`
      return { figure: `${grouped(row.value)}/s, ${times}`, isMet: row.value >= 60_000 && (row.ratio ?? 0) >= 25 }
    },
  },
  {
    number: 5,
    what: 'ingest, CSV → durable, 2 workers',
    goal: '≥ 450,000 rows/s, ≥ 10 × csv-parse + libphonenumber-js',
    found(rows) {
      const found = all([rows('csv', 'CSV to durable blocks, 2 workers'), rows('csv', 'csv-parse + libphonenumber-js')])
      if (found === null) return null
      const [ours, plain] = found as [BenchRow, BenchRow]
      const times = ours.value / plain.value
      return {
        figure: `${grouped(ours.value)}/s, ${times.toFixed(0)} ×`,
        isMet: ours.value >= 450_000 && times >= 10,
      }
    },
    reason:
      'the ratio is; the machine of this page reads 210,000 to 263,000 rows/s with csv-parse, where the one before read 351,000, and we 552,000',
  },
  {
    number: 6,
    what: 'HTTP: accepted one by one / a thousand at a time, on disk',
    goal: '≥ 5,000/s / ≥ 100,000 messages/s',
    found(rows) {
      const names = ['accepted one by one, 64 connections', 'accepted a thousand at a time']
      const found = all(names.map((name) => rows('http', name)))
      if (found === null) return null
      const [single, batch] = found as [BenchRow, BenchRow]
      return {
        figure: `${grouped(single.value)}/s / ${grouped(batch.value)}/s`,
        isMet: single.value >= 5_000 && batch.value >= 100_000,
      }
    },
    reason:
      'engine, client and carrier share two slow cores: fastify’s empty route is asked 9,300 to 9,800 times a second on them; on the machine before, 5,100 to 5,800/s and 84,000 to 109,000/s',
  },
  {
    number: 7,
    what: 'urgent message with 10 million queued: accepted → submit',
    goal: 'p99 < 20 ms',
    found(rows) {
      const found = all(['p50', 'p99'].map((share) => rows('urgent', `urgent message, accepted → submit, ${share}`)))
      if (found === null) return null
      const [middle, last] = found as [BenchRow, BenchRow]
      return { figure: `p50 ${middle.value.toFixed(1)} ms, p99 ${last.value.toFixed(1)} ms`, isMet: last.value < 20 }
    },
    reason:
      'two commits one after the other (the acceptance, the authorisation), of which each may wait for one that is under way; 56 and 77 ms before high priority had a ring of its own',
  },
  {
    number: 8,
    what: 'rate with 50 million queued against empty',
    goal: '≥ 0.9',
    found(rows) {
      const found = ofStage(rows, (stage) => `end to end beside ${stage} queued`)
      if (found === null) return null
      const ratio = found.row.ratio!
      return { figure: `${ratio.toFixed(2)} with ${found.stage}`, isMet: ratio >= 0.9 && found.stage === STAGES[0] }
    },
  },
  {
    number: 9,
    what: 'start after kill -9 with 10 million open messages',
    goal: '≤ 10 s',
    found(rows) {
      const queued = rows('growth', 'start after kill -9 with 10 million queued: sends')
      const outstanding = rows('starts', 'start after kill -9 with 10,000,000 receipts outstanding: sends')
      if (queued === null || outstanding === null) return null
      return {
        figure: `queued ${queued.value.toFixed(1)} s; sent, receipts outstanding ${outstanding.value.toFixed(1)} s`,
        isMet: Math.max(queued.value, outstanding.value) <= 10,
      }
    },
    reason: 'the index of receipts is made anew from the histories of all open blocks, 1 µs a message',
  },
  {
    number: 10,
    what: 'memory in all of it (RssAnon + RssShmem)',
    goal: '≤ 512 MB',
    found(rows) {
      const found = all([
        rows('end-to-end', `${LONG}: memory (RssAnon + RssShmem)`),
        rows('growth', 'memory in all of it (RssAnon + RssShmem)'),
      ])
      if (found === null) return null
      const [long, growth] = found as [BenchRow, BenchRow]
      return {
        figure: `5 million rows ${grouped(long.value)} MiB; beside millions queued ${grouped(growth.value)} MiB`,
        isMet: Math.max(long.value, growth.value) <= 512,
      }
    },
  },
  {
    number: 11,
    what: 'disk a message, whole life, with history; over 10 cycles',
    goal: '≤ text + 120 octets; growth ≤ 10 %',
    found(rows) {
      const message = rows('cycles', 'disk of a message, whole life, beyond its text')
      const cycles = rows('cycles', 'disk after 10 such jobs, each forgotten before the next')
      if (message === null || cycles === null) return null
      return {
        figure: `text + ${grouped(message.value)} octets; growth ${((cycles.ratio! - 1) * 100).toFixed(1)} %`,
        isMet: message.value <= 120 && cycles.ratio! <= 1.1,
      }
    },
    reason:
      'an accepted and a delivered entry have 57 octets, the state 17, the record’s head and its table 41, the uploaded file 14; the rest is the unused end of LMDB’s pages and freed pages',
  },
  {
    number: 12,
    what: 'contracted rate R',
    goal: 'in any second ≤ R, on average ≥ 0.99 R',
    found(rows) {
      const row = rows('many-binds', '90 binds of 20/s')
      if (row === null) return null
      const share = row.value / (90 * 20)
      return { figure: `${share.toFixed(3)} R over 90 binds; never above (dispatch-pace.test)`, isMet: share >= 0.99 }
    },
  },
  {
    number: 13,
    what: 'CPU a 100,000 messages, end to end',
    goal: '≤ 2.5 s',
    found(rows) {
      const row = rows('end-to-end', `${LONG}: CPU of the engine`)
      if (row === null) return null
      return { figure: `${row.value.toFixed(2)} s`, isMet: row.value <= 2.5 }
    },
  },
]
