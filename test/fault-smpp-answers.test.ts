/**
 * Answers that are lost, late, doubled, out of order, or to nothing that was asked (reliability.md F9), and sequence numbers
 * that begin anew under a full window while the carrier asks under the same numbers (F32): no answer ever counts for another
 * message. What becomes of a message hangs on its number alone, so that a mix-up shows.
 */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { STATE } from '../src/engine/contract/message.js'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { COMMAND, SEQUENCE_MAX } from '../src/smpp/constants.js'
import { CarrierStand, type Fate } from './carrier-stand.js'
import {
  deliverBody,
  type PeerPdu,
  type PeerScript,
  type PeerSession,
  ScriptedSmsc,
  type Submit,
} from './scripted-smsc.js'
import { seed } from './seed.js'
import { until } from './until.js'

const TIMES = Number(process.argv[3] ?? 1)

t.setTimeout(580_000)

const INVALID_DESTINATION = 0x0b
const isRefused = (to: string): boolean => to.endsWith('7')

/** Numbers whose message did not become what its number says, or that have an answer of another. */
function mixedUp(fates: Map<string, Fate>): string[] {
  return [...fates]
    .filter(([to, { state, history }]) => {
      const isForeign = history.some(({ code, id }) => code === OUTCOME.accepted && !id.startsWith(`${to}-`))
      return isForeign || state !== (isRefused(to) ? STATE.failed : STATE.sent)
    })
    .map(([to, { state }]) => `${to}: ${state}`)
}

function numbersOf(carrier: number, count: number): string[] {
  return Array.from({ length: count }, (_, row) => `44${7_000 + carrier}${1_000_000 + row}`)
}

const FACTOR = 20
const RESPONSE_MS = 10_000
/** An answer that comes after its time, in real time. */
const LATE_MS = (RESPONSE_MS * 1.5) / FACTOR
/** Answers that are held to be mixed. */
const MIXED = 8
const UNKNOWN_SEQUENCE = 0x500000

/** Draws a fault for each answer, and counts what it wrote. */
class Confuser implements PeerScript {
  readonly #random: Random
  readonly #mixed: Submit[] = []
  readonly counts = { pdus: 0, lost: 0, late: 0, mixed: 0, doubled: 0, unknown: 0, repeats: 0 }
  #timer: NodeJS.Timeout | null = null

  constructor(random: Random) {
    this.#random = random
  }

  submit(submit: Submit): void {
    const { counts } = this
    counts.pdus++
    if (submit.times > 1) counts.repeats++
    const chance = this.#random.next()
    if (chance < 0.005) counts.lost++
    else if (chance < 0.015) {
      counts.late++
      setTimeout(() => this.#answer(submit), LATE_MS)
    } else if (chance < 0.3) this.#mix(submit)
    else this.#answer(submit)
    if (chance > 0.95) {
      counts.doubled++
      this.#answer(submit)
    } else if (chance > 0.9) {
      counts.unknown++
      counts.pdus++
      submit.session.answer(submit.sequence + UNKNOWN_SEQUENCE, `${submit.to}-unknown`)
    }
  }

  #mix(submit: Submit): void {
    this.counts.mixed++
    this.#mixed.push(submit)
    if (this.#mixed.length >= MIXED) this.#release()
    this.#timer ??= setTimeout(() => this.#release(), 5)
  }

  #release(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const mixed = this.#mixed.splice(0)
    while (mixed.length > 0) this.#answer(mixed.splice(this.#random.below(mixed.length), 1)[0]!)
  }

  #answer({ session, sequence, to, times }: Submit): void {
    this.counts.pdus++
    session.answer(sequence, `${to}-${times}`, isRefused(to) ? INVALID_DESTINATION : 0)
  }
}

t.test(`50,000 PDUs with confused answers, seed ${seed}`, async (t) => {
  const carriers = 5
  const confusers = Array.from({ length: carriers }, (_, n) => new Confuser(new Random(seed + n)))
  const peers = await Promise.all(confusers.map((confuser) => ScriptedSmsc.listen(t, confuser)))
  const stand = await CarrierStand.start(t, {
    factor: FACTOR,
    carriers: peers.map(({ port }, n) => ({
      config: { port, window: 50, adaptiveWindow: false, responseTimeoutMs: RESPONSE_MS, enquireLinkMs: 5_000 },
      numbers: numbersOf(n, 5_000 * TIMES),
    })),
  })
  await stand.settled()
  t.strictSame(mixedUp(await stand.fates()), [], 'every message is what its number says')
  const total = { pdus: 0, lost: 0, late: 0, mixed: 0, doubled: 0, unknown: 0, repeats: 0 }
  for (const { counts } of confusers) {
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += counts[name]
  }
  t.ok(total.pdus >= 50_000 * TIMES, JSON.stringify(total))
  const unmatched = await until(
    async () => stand.metrics.sum('trunkline_submit_responses_total', 'unmatched'),
    (count) => count >= total.unknown + total.doubled,
  )
  t.equal(unmatched, total.unknown + total.doubled, 'answers to nothing that waits are counted, and do no more')
  t.ok(
    peers.every(({ sessions }) => sessions.length === 1),
    'none of it ends a session',
  )
})

const WRAPS = 100 * TIMES
const WRAP_CARRIERS = 10
const WINDOW = 50
const PER_SESSION = 4 * WINDOW
const IDLE_MS = 30

/** Answers once the window is full, in any order, and asks under the numbers that wait; then the session is over. */
class Wrapper implements PeerScript {
  readonly sequences: number[][] = []
  fullWindows = 0
  wrapsUnderWindow = 0
  enquired = 0
  answers = 0
  delivered = 0
  readonly #random: Random
  readonly #sessions: number
  #held: Submit[] = []
  #timer: NodeJS.Timeout | null = null

  constructor(random: Random, sessions: number) {
    this.#random = random
    this.#sessions = sessions
  }

  bound(): void {
    this.sequences.push([])
  }

  submit(submit: Submit): void {
    this.sequences.at(-1)!.push(submit.sequence)
    this.#held.push(submit)
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#held.length >= WINDOW) this.#answerAll()
    else this.#timer = setTimeout(() => this.#answerAll(), IDLE_MS)
  }

  other({ command }: PeerPdu): boolean {
    if (command === COMMAND.enquireLinkResp) this.answers++
    if (command === COMMAND.deliverSmResp) this.delivered++
    return command === COMMAND.enquireLinkResp || command === COMMAND.deliverSmResp
  }

  #answerAll(): void {
    const held = this.#held.splice(0)
    const [{ session }] = held as [Submit]
    if (held.length === WINDOW) this.fullWindows++
    const numbers = held.map(({ sequence }) => sequence)
    if (held.length === WINDOW && Math.max(...numbers) - Math.min(...numbers) > WINDOW * 4) this.wrapsUnderWindow++
    for (const { sequence } of held) this.#ask(session, sequence)
    while (held.length > 0) this.#answer(held.splice(this.#random.below(held.length), 1)[0]!)
    const isLast = this.sequences.length >= this.#sessions
    if (!isLast && this.sequences.at(-1)!.length >= PER_SESSION) session.send(COMMAND.unbind, 0, 1)
  }

  /** A request of the carrier's own, under the number of a submit that waits. */
  #ask(session: PeerSession, sequence: number): void {
    if (sequence % 10 !== 0) this.enquired++
    if (sequence % 10 === 0) session.send(COMMAND.deliverSm, 0, sequence, deliverBody('447700900123', '60099', 'hi', 0))
    else session.send(COMMAND.enquireLink, 0, sequence)
  }

  #answer({ session, sequence, to, times }: Submit): void {
    session.answer(sequence, `${to}-${times}`, isRefused(to) ? INVALID_DESTINATION : 0)
  }
}

t.test(`${WRAPS} times the sequence numbers begin anew under a full window, seed ${seed}`, async (t) => {
  const random = new Random(seed)
  const sessions = WRAPS / WRAP_CARRIERS
  const wrappers = Array.from({ length: WRAP_CARRIERS }, (_, n) => new Wrapper(new Random(seed + n), sessions))
  const peers = await Promise.all(wrappers.map((wrapper) => ScriptedSmsc.listen(t, wrapper)))
  const stand = await CarrierStand.start(t, {
    factor: FACTOR,
    carriers: peers.map(({ port }, n) => ({
      config: { port, window: WINDOW, adaptiveWindow: false, responseTimeoutMs: 600_000, enquireLinkMs: 600_000 },
      // Within the second window of each session, at another place each.
      firstSequence: SEQUENCE_MAX - WINDOW - 1 - random.below(WINDOW - 2),
      numbers: numbersOf(n, sessions * (PER_SESSION + WINDOW)),
    })),
  })
  await stand.settled()
  t.strictSame(mixedUp(await stand.fates()), [], 'every message is what its number says')
  let wraps = 0
  let underWindow = 0
  for (const wrapper of wrappers) {
    const all = wrapper.sequences.flat()
    t.ok(
      all.every((sequence) => sequence >= 1 && sequence <= SEQUENCE_MAX),
      'never 0, never beyond 0x7FFFFFFF',
    )
    wraps += wrapper.sequences.filter((own) => own.some((sequence) => sequence < SEQUENCE_MAX / 2)).length
    underWindow += wrapper.wrapsUnderWindow
    await until(
      async () => wrapper.answers,
      (answers) => answers >= wrapper.enquired,
    )
    t.equal(wrapper.answers, wrapper.enquired, 'each request of the carrier is answered, too')
    t.ok(wrapper.delivered > 0)
  }
  t.equal(wraps, WRAPS)
  t.ok(underWindow >= WRAPS * 0.9, `${underWindow} with both numbers in one full window`)
})
