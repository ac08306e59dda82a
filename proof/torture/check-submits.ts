/** What the carriers saw: I2 repeats, I3 rates, I4 windows, I7 opt-outs, I8 hours, I9 order, and parts in order on one bind (P4). */
import { type Book, mayHave, type Session, type Submitted } from './book.js'
import { markerText } from './marker.js'
import type { Violation } from './violation.js'

/** What was agreed with a carrier. */
export interface CarrierTerms {
  window: number
  /** Answers that are not durable yet, per bind. */
  cap: number
  /** Parts in a second; null: no limit. */
  rate: number | null
}
export type Terms = Readonly<Record<string, CarrierTerms>>

const SECOND = 1_000_000
/** The carrier may see the end of a bind after what came again on another one. */
const SEEN_LATE = 2 * SECOND
/** A good deal longer than a stand's responseTimeoutMs. */
const GIVEN_UP = 10 * SECOND
/** Jitter of a carrier's clock, as in P6. */
const TOLERANCE = 1.01

export interface SubmitCounts {
  submits: number
  /** Parts that a carrier may have more than once. */
  repeated: number
  /** Most repeats that one lost bind caused. */
  repeatsPerBind: number
  mostPerSecond: number
  violations: Violation[]
}

export function checkSubmits(book: Book, terms: Terms): SubmitCounts {
  const counts: SubmitCounts = { submits: 0, repeated: 0, repeatsPerBind: 0, mostPerSecond: 0, violations: [] }
  const perBind = new Map<Session, number>()
  for (const [marker, seen] of book.submits) {
    counts.submits += seen.length
    checkRepeats(book, { marker, seen }, { counts, perBind })
    checkAllowed(book, { marker, seen }, counts.violations)
  }
  for (const [{ carrier, session }, repeats] of perBind) {
    counts.repeatsPerBind = Math.max(counts.repeatsPerBind, repeats)
    const { window, cap } = terms[carrier]!
    if (repeats <= window + cap) continue
    const detail = `${repeats} parts came again after it was lost, more than ${window} + ${cap}`
    counts.violations.push({ invariant: 'I2', id: `${carrier}, session ${session}`, detail })
  }
  for (const [carrier, stamps] of book.stamps) checkRate({ carrier, stamps, terms: terms[carrier]! }, counts)
  counts.violations.push(...checkOrder(book), ...checkWindows(book))
  return counts
}

interface Row {
  marker: number
  seen: Submitted[]
}

/** A part comes again only where nobody knows whether the carrier has it: by its silence, or with the end of its bind. */
function checkRepeats(
  book: Book,
  { marker, seen }: Row,
  { counts, perBind }: { counts: SubmitCounts; perBind: Map<Session, number> },
): void {
  const last = new Map<number, Submitted>()
  for (const one of seen.toSorted((a, b) => a.t - b.t)) {
    const before = last.get(one.part)
    if (mayHave(one)) last.set(one.part, one)
    if (before === undefined) continue
    counts.repeated++
    const session = book.session(before)
    if (session.closedAt <= one.t + SEEN_LATE) {
      // What a carrier refused is tried again, and is one repeat with that.
      if (mayHave(one)) perBind.set(session, (perBind.get(session) ?? 0) + 1)
      continue
    }
    if (before.status !== 0 || book.wasSlow(before.carrier, before.t, one.t)) continue
    const detail = `part ${one.part} was taken by ${before.carrier} (${before.id}) and came again ${ms(one.t - before.t)} ms later while the bind lived`
    counts.violations.push({ invariant: 'I2', id: markerText(marker), detail })
  }
}

function checkAllowed(book: Book, { marker, seen }: Row, violations: Violation[]): void {
  const intent = book.intentOf(marker)
  const id = markerText(marker)
  if (intent === null) {
    violations.push({ invariant: 'I1', id, detail: `${seen[0]!.carrier} got a row that nobody handed in` })
    return
  }
  if (intent.kind === 'closed') violations.push({ invariant: 'I8', id, detail: 'was sent outside its hours' })
  const wanted = book.recipientOf(marker).slice(1)
  const wrong = seen.find(({ to, parts, from }) => to !== wanted || parts !== intent.parts || from !== intent.from)
  if (wrong !== undefined) {
    const detail = `went from ${wrong.from} to ${wrong.to} in ${wrong.parts} parts, not to ${wanted} in ${intent.parts}`
    violations.push({ invariant: 'I1', id, detail })
  }
  const out = book.optedOut.get(marker)
  if (out === undefined) return
  const late = seen.find((one) => one.t > out.t + SECOND && !book.wasSlow(one.carrier, out.t, one.t))
  if (late === undefined) return
  const detail = `was sent ${ms(late.t - out.t)} ms after its opt-out (${out.how}) was acknowledged (${intent.key})`
  violations.push({ invariant: 'I7', id, detail })
}

/**
 * In any second by the carrier's clock: the rate, and what was under way when the second began, which the windows of the
 * sessions bound whatever the wire and the machine did to it.
 */
function checkRate(
  { carrier, stamps, terms }: { carrier: string; stamps: { t: number; session: number }[]; terms: CarrierTerms },
  counts: SubmitCounts,
): void {
  let from = 0
  const inSecond = new Map<number, number>()
  for (let to = 0; to < stamps.length; to++) {
    const { t, session } = stamps[to]!
    inSecond.set(session, (inSecond.get(session) ?? 0) + 1)
    while (stamps[from]!.t <= t - SECOND) {
      const left = stamps[from++]!.session
      const rest = inSecond.get(left)! - 1
      if (rest === 0) inSecond.delete(left)
      else inSecond.set(left, rest)
    }
    const count = to - from + 1
    counts.mostPerSecond = Math.max(counts.mostPerSecond, count)
    if (terms.rate === null || count <= terms.rate * TOLERANCE + 1 + inSecond.size * terms.window) continue
    const detail = `${count} parts in one second, of ${terms.rate} agreed and ${inSecond.size} windows of ${terms.window}`
    counts.violations.push({ invariant: 'I3', id: carrier, detail })
    return
  }
}

/**
 * Where nothing held up answers for as long as one is waited for; what was given up then may be answered late, with others
 * under way already.
 */
function checkWindows(book: Book): Violation[] {
  const found: Violation[] = []
  for (const { carrier, t, outstanding } of book.beyond) {
    if (book.wasSlow(carrier, t - GIVEN_UP, t)) continue
    found.push({ invariant: 'I4', id: carrier, detail: `${outstanding} parts were under way on one bind` })
  }
  for (const wrong of book.wrong) found.push({ invariant: 'I4', id: wrong.split(',')[0]!, detail: wrong })
  return found
}

/** Messages to one number from one sender leave in their order; parts of one leave on one bind, in theirs. */
function checkOrder(book: Book): Violation[] {
  const found: Violation[] = []
  for (const { ordered, first, count } of book.intents.values()) {
    if (!ordered) continue
    let before: Submitted | null = null
    for (let marker = first; marker < first + count; marker++) {
      const seen = book.submits.get(marker)
      if (seen === undefined) continue
      const earliest = seen.reduce((a, b) => (a.t <= b.t ? a : b))
      if (before !== null && earliest.t < before.t) {
        const detail = `left ${ms(before.t - earliest.t)} ms before ${markerText(before.marker)} to the same number`
        found.push({ invariant: 'I9', id: markerText(marker), detail })
      }
      before = earliest
    }
  }
  return found
}

function ms(micros: number): number {
  return Math.round(micros / 100) / 10
}
