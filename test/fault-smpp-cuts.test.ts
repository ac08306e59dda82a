/**
 * Connections that end in the middle of a full window (reliability.md F8): by FIN, by RST, in the middle of a PDU. Only what
 * was unanswered is sent again, and the bind comes back in time without hurry. Counted at the carriers.
 */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { STATE } from '../src/engine/contract/message.js'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { CarrierStand } from './carrier-stand.js'
import { CUTS, type Cut, type PeerScript, type PeerSession, ScriptedSmsc, type Submit } from './scripted-smsc.js'
import { seed } from './seed.js'

/** Connections that are cut. */
const ALL_CUTS = Number(process.argv[3] ?? 1) * 200
const CARRIERS = 10
const WINDOW = 10
/** Submits of a session before it is cut, at most. */
const SUBMITS_MOST = 3 * WINDOW
const FACTOR = 20

/** Holds half a window of submits, answers the others, and cuts each session after some of them. */
class Cutter implements PeerScript {
  readonly held: Submit[] = []
  /** How the earlier submit of a number went. */
  readonly #before = new Map<string, { session: PeerSession; isAnswered: boolean }>()
  readonly cutBy = new Map<PeerSession, Cut>()
  /** Numbers that came again though their answer had come through. */
  readonly unexplained: string[] = []
  readonly connectedAt: number[] = []
  readonly cutAt: number[] = []
  cuts = 0
  repeats = 0
  #untilCut: number
  readonly #random: Random
  readonly #most: number

  constructor(random: Random, most: number) {
    this.#random = random
    this.#most = most
    this.#untilCut = this.#draw()
  }

  #draw(): number {
    return 1 + this.#random.below(SUBMITS_MOST)
  }

  bound(): void {
    this.connectedAt.push(performance.now())
  }

  submit(submit: Submit): void {
    this.#note(submit)
    this.held.push(submit)
    if (this.cuts < this.#most && --this.#untilCut <= 0) this.#cut(submit.session)
    else while (this.held.length > (this.cuts < this.#most ? WINDOW / 2 : 0)) this.#answer(this.held.shift()!)
  }

  #note({ to, session, times }: Submit): void {
    if (times > 1) {
      this.repeats++
      const before = this.#before.get(to)!
      // What an RST overtook was never read by the other side; an orderly end loses nothing.
      if (before.isAnswered && this.cutBy.get(before.session) === 'fin') this.unexplained.push(to)
      if (!this.cutBy.has(before.session)) this.unexplained.push(to)
    }
    this.#before.set(to, { session, isAnswered: false })
  }

  #answer({ session, sequence, to }: Submit): void {
    session.answer(sequence, `${to}-${session.number}`)
    this.#before.get(to)!.isAnswered = true
  }

  #cut(session: PeerSession): void {
    const kind = CUTS[this.cuts++ % CUTS.length]!
    this.#untilCut = this.#draw()
    this.cutBy.set(session, kind)
    this.cutAt.push(performance.now())
    session.cut(kind, this.held[0]!.sequence)
    this.held.length = 0
  }
}

t.setTimeout(580_000)

t.test(`${ALL_CUTS} connections cut in mid-window, seed ${seed}`, async (t) => {
  const random = new Random(seed)
  const most = ALL_CUTS / CARRIERS
  const cutters = Array.from({ length: CARRIERS }, () => new Cutter(random, most))
  const peers = await Promise.all(cutters.map((cutter) => ScriptedSmsc.listen(t, cutter)))
  const stand = await CarrierStand.start(t, {
    factor: FACTOR,
    carriers: peers.map(({ port }, n) => ({
      config: { port, window: WINDOW, adaptiveWindow: false, responseTimeoutMs: 600_000, enquireLinkMs: 600_000 },
      numbers: Array.from({ length: most * SUBMITS_MOST }, (_, row) => `4477${n}${1_000_000 + row}`),
    })),
  })
  await stand.settled()
  const fates = await stand.fates()
  t.strictSame(
    [...fates.values()].filter(({ state }) => state !== STATE.sent),
    [],
    'nothing is lost, and nothing failed',
  )
  const accepted = [...fates].flatMap(([to, { history }]) =>
    history.filter(({ code }) => code === OUTCOME.accepted).map(({ id }) => [to, id] as const),
  )
  t.strictSame(
    accepted.filter(([to, id]) => !id.startsWith(`${to}-`)),
    [],
    'each answer is of its own message',
  )
  let gapsMs: number[] = []
  for (const [n, cutter] of cutters.entries()) {
    t.equal(cutter.cuts, most, `carrier ${n}`)
    t.strictSame(cutter.unexplained, [], 'what was answered is not sent again')
    t.ok(cutter.repeats <= most * WINDOW, `${cutter.repeats} repeats, at most ${most * WINDOW}`)
    t.equal(cutter.connectedAt.length, most + 1, 'one connection for each that was lost')
    gapsMs = gapsMs.concat(cutter.cutAt.map((at, cut) => (cutter.connectedAt[cut + 1]! - at) * FACTOR))
  }
  const shortest = Math.min(...gapsMs)
  t.ok(shortest >= 100, `the next bind came after ${shortest.toFixed(0)} ms at the earliest`)
  t.ok(new Set(gapsMs.map((gap) => Math.round(gap / 50))).size > 5, 'and not always after the same time')
  t.comment(`${cutters.reduce((sum, { repeats }) => sum + repeats, 0)} repeats in ${fates.size} messages`)
})
