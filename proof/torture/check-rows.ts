/** I1: everything that was accepted is there, once, in one state, and the counts add up; I8 and what was never accepted. */
import type { JobView } from '../../src/engine/contract/api.js'
import type { Book } from './book.js'
import type { Intent } from './driver-ledger.js'
import { repeatsOf } from './driver-work.js'
import { type EngineView, sumsOf } from './engine-view.js'
import { markerText } from './marker.js'
import type { Violation } from './violation.js'

/** What a message may be in the end. */
const FINAL = new Set(['delivered', 'undelivered', 'failed', 'expired', 'canceled'])
const WAITING = new Set(['queued', 'scheduled'])

export function checkRows(book: Book, view: EngineView): Violation[] {
  const found: Violation[] = []
  for (const intent of book.intents.values()) {
    if (intent.kind !== 'drop' && !book.accepted.has(intent.key)) continue
    for (let marker = intent.first; marker < intent.first + intent.count; marker++) {
      const detail = wrongRow(book, view, { intent, marker })
      if (detail !== '') found.push({ invariant: 'I1', id: markerText(marker), detail: `${detail} (${intent.key})` })
    }
  }
  for (const [marker, messages] of view.messages) {
    if (book.intentOf(marker) !== null) continue
    found.push({
      invariant: 'I1',
      id: markerText(marker),
      detail: `${messages[0]!.id} is of a row that nobody handed in`,
    })
  }
  for (const { key, status, detail } of book.refused) {
    found.push({ invariant: 'I1', id: key, detail: `was refused with ${status}: ${detail.slice(0, 300)}` })
  }
  return [...found, ...checkJobs(book, view)]
}

function wrongRow(book: Book, view: EngineView, { intent, marker }: { intent: Intent; marker: number }): string {
  const messages = view.messages.get(marker) ?? []
  const isOut = book.optedOut.has(marker)
  if (messages.length === 0) return isOut ? '' : 'was accepted and is not there'
  if (messages.length > 1) return `is there ${messages.length} times: ${messages.map(({ id }) => id).join(', ')}`
  const { id, state, account, reason } = messages[0]!
  if (account !== intent.account) return `belongs to ${account}, not to ${intent.account} (I6)`
  if (intent.kind === 'closed') return WAITING.has(state) || isOut ? '' : `${id} is ${state} outside its hours (I8)`
  if (!FINAL.has(state)) return `${id} is still ${state}`
  return state === 'failed' && reason === 'SUPPRESSED' && !isOut ? `${id} counts as suppressed` : ''
}

/** Each job is of one piece of work and has its rows; each piece of work that makes a job has one. */
function checkJobs(book: Book, view: EngineView): Violation[] {
  const found: Violation[] = []
  const wrong = (id: string, detail: string): void => {
    found.push({ invariant: 'I1', id, detail })
  }
  const seen = new Map<string, string>()
  const dropped = new Map(view.drops.map(({ job, file }) => [job, file]))
  for (const job of view.jobs.values()) {
    // A file that broke off in the call that made its job: the job was canceled, and the client called again.
    if (job.state === 'canceled' && job.counts.rows === 0) continue
    const key = dropped.get(job.id) ?? byKey(book, job)
    const intent = key === undefined ? undefined : book.intents.get(key)
    if (key === undefined || intent === undefined) {
      wrong(job.id, 'is of no work')
      continue
    }
    if (seen.has(key)) wrong(key, `is in two jobs, ${seen.get(key)} and ${job.id} (P3)`)
    seen.set(key, job.id)
    const detail = wrongCounts(job, intent)
    if (detail !== '') wrong(job.id, `${detail} (${key})`)
  }
  for (const [key, { job }] of book.accepted) {
    if (job !== '' && !view.jobs.has(job)) wrong(job, `was accepted and is not there (${key})`)
  }
  for (const { key, kind } of book.intents.values()) {
    if (kind === 'drop' && !seen.has(key)) wrong(key, 'was dropped and is in no job')
  }
  return found
}

/** A job of a profile has no reference; it was answered with its id. */
function byKey(book: Book, job: JobView): string | undefined {
  const reference = job.settings.clientReference
  if (reference !== undefined) return reference
  const marker = job.counts.rows === 0 ? undefined : [...book.accepted.values()].find((one) => one.job === job.id)
  return marker?.key
}

function wrongCounts(job: JobView, intent: Intent): string {
  const { counts } = job
  const sums = sumsOf(counts)
  if (sums !== '') return sums
  const repeats = repeatsOf(intent)
  const isRight =
    counts.rows === intent.count + intent.bad + repeats &&
    counts.rejected === intent.bad &&
    counts.accepted + counts.suppressed + counts.duplicate === intent.count + repeats &&
    // A repetition of a row that was suppressed is suppressed as well.
    counts.duplicate <= repeats &&
    counts.accepted <= intent.count
  return isRight ? '' : `${JSON.stringify(counts)} of ${intent.count} + ${intent.bad} bad + ${repeats} repeated rows`
}
