/**
 * Storms of throttling (reliability.md F12): every status that carriers use for it, one answer in a hundred up to all of them.
 * Nothing is lost or given up, messages to one number stay in order, the carrier is sent less, and is sent 95 % of its rate
 * within a minute after the storm. Real channels and sockets; where rates are counted, the time is the test's.
 */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { STATE } from '../src/engine/contract/message.js'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { COMMAND } from '../src/smpp/constants.js'
import { CarrierStand } from './carrier-stand.js'
import { type PeerScript, ScriptedSmsc, type Submit } from './scripted-smsc.js'
import { seed } from './seed.js'
import { rawCarrier, responseTo } from './smpp-raw.js'
import { SteppedChannel, SteppedClock, turn } from './stepped-channel.js'

t.setTimeout(580_000)

const STATUSES = [0x58, 0x14, 0x400, 0x4ff]
const SHARES = [0.01, 0.05, 0.2, 0.5, 1]
const storms = STATUSES.flatMap((status) => SHARES.map((share) => ({ status, share })))

const RATE = 40
const STEP_MS = 10
const STORM_MS = Number(process.argv[3] ?? 1) * 30_000
const RECOVERY_MS = 60_000
const COUNTED_MS = 10_000

/** As a dispatcher that always has work. */
async function run(channels: readonly SteppedChannel[], clock: SteppedClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= STEP_MS) {
    for (const channel of channels) {
      while (channel.waiting.length < RATE) channel.waiting.push(++lastRef)
      channel.tick()
    }
    // Whatever left is answered before time goes on.
    while (channels.some(({ inFlight }) => inFlight > 0)) await turn()
    clock.advance(STEP_MS)
  }
}
let lastRef = 0

t.test(`${storms.length} storms: less is sent, and 95 % of the rate again within a minute, seed ${seed}`, async (t) => {
  const clock = new SteppedClock()
  let isStorm = true
  const channels: SteppedChannel[] = []
  for (const [n, { status, share }] of storms.entries()) {
    const random = new Random(seed + n)
    const port = await rawCarrier(t, (pdu, socket) => {
      if (pdu.command === COMMAND.enquireLink) socket.write(responseTo(pdu, 0))
      if (pdu.command !== COMMAND.submitSm) return
      const isThrottled = isStorm && random.next() < share
      socket.write(isThrottled ? responseTo(pdu, status) : responseTo(pdu, 0, `${pdu.sequence}\0`))
    })
    channels.push(new SteppedChannel(clock, { port, ratePerSecond: RATE, window: RATE }, n))
  }
  t.teardown(() => Promise.all(channels.map(({ channel }) => channel.drain(0))))
  while (!channels.every(({ channel }) => channel.up)) {
    await turn()
    for (const channel of channels) channel.tick()
  }
  await run(channels, clock, STORM_MS)
  for (const [n, { share }] of storms.entries()) {
    const perSecond = channels[n]!.channel.view().rateNowPerSecond!
    if (share === 1) t.ok(perSecond <= RATE / 4, `all are throttled: ${perSecond.toFixed(1)}/s`)
  }
  isStorm = false
  await run(channels, clock, RECOVERY_MS)
  const before = channels.map(({ accepted }) => accepted.size)
  await run(channels, clock, COUNTED_MS)
  const least = (0.95 * 0.98 * RATE * COUNTED_MS) / 1000 - 1
  for (const [n, { status, share }] of storms.entries()) {
    const { accepted, refused } = channels[n]!
    const sent = accepted.size - before[n]!
    const about = `0x${status.toString(16)}, ${share * 100} %`
    t.ok(sent >= least, `${about}: ${sent} in ten seconds a minute after the storm, at least ${least.toFixed(0)}`)
    const others = [...refused.keys()].filter((code) => code !== OUTCOME.throttled)
    t.strictSame(others, [], `${about}: nothing else befell them`)
  }
})

/** Submits of a storm, and messages of each carrier: several to each number. */
const STORM_SUBMITS = 200
const MESSAGES = 400
const NUMBERS = 40

/** Throttles for a while; notes when a message comes before the one ahead of it was accepted. */
class Storm implements PeerScript {
  readonly disordered: string[] = []
  throttled = 0
  accepted = 0
  #submits = 0
  /** Number → row of the message that must come next. */
  readonly #next = new Map<string, number>()
  readonly #random: Random
  readonly #of: (typeof storms)[number]

  constructor(of: (typeof storms)[number], random: Random) {
    this.#of = of
    this.#random = random
  }

  submit({ session, sequence, to, text }: Submit): void {
    const row = Number(text.slice('row '.length))
    const next = this.#next.get(to) ?? row % NUMBERS
    if (row !== next) this.disordered.push(`${to}: row ${row} instead of ${next}`)
    if (this.#submits++ < STORM_SUBMITS && this.#random.next() < this.#of.share) {
      this.throttled++
      session.answer(sequence, '', this.#of.status)
      return
    }
    this.accepted++
    this.#next.set(to, row + NUMBERS)
    session.answer(sequence, `${to}-${row}`)
  }
}

t.test(`${storms.length} storms lose, reject and reorder nothing, seed ${seed}`, async (t) => {
  const scripts = storms.map((storm, n) => new Storm(storm, new Random(seed + n)))
  const peers = await Promise.all(scripts.map((script) => ScriptedSmsc.listen(t, script)))
  const stand = await CarrierStand.start(t, {
    factor: 20,
    job: { distinct: false },
    carriers: peers.map(({ port }, n) => ({
      config: { port, window: 20, responseTimeoutMs: 600_000, enquireLinkMs: 600_000 },
      numbers: Array.from({ length: MESSAGES }, (_, row) => `44${7_000 + n}${1_000_000 + (row % NUMBERS)}`),
    })),
  })
  await stand.until((states) => states[STATE.sent] === stand.total || states[STATE.failed]! > 0)
  for (const [n, { status, share }] of storms.entries()) {
    const { disordered, throttled, accepted } = scripts[n]!
    const about = `0x${status.toString(16)}, ${share * 100} %`
    t.strictSame(disordered, [], `${about}: in order`)
    t.equal(accepted, MESSAGES, `${about}: ${throttled} throttled, each accepted once`)
  }
})
