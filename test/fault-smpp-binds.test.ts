/**
 * Carriers that refuse binds in every way (reliability.md F13), and connections whose other end has stopped (F11). The carriers
 * are on real sockets, one is a process that is stopped; the time is the test's.
 */
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { spawnSmsc } from '../bench/processes.js'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { COMMAND, RESPONSE, TAG } from '../src/smpp/constants.js'
import { pduOf, type RawPdu, rawCarrier, responseTo } from './smpp-raw.js'
import { SteppedChannel, SteppedClock, turn } from './stepped-channel.js'

const TIMES = Number(process.argv[3] ?? 1)

t.setTimeout(580_000)

const RESPONSE_MS = 10_000
const STEP_MS = 250
/** Of each kind. */
const REFUSALS = 5 * TIMES
/** Of a carrier whose binds wait for each other. */
const BINDS = 3

interface Kind {
  name: string
  /** Answers a bind that is to fail; nothing: it is left without an answer. */
  refuse(pdu: RawPdu, socket: Socket): void
  isMute?: boolean
  /** Least and most time until the same bind is tried again. */
  gapMs: readonly [number, number]
  /** The first try comes soon, and each later one after twice the time at most. */
  doubles?: boolean
}

const VERSION_TLV = Buffer.from([TAG.interfaceVersion >> 8, TAG.interfaceVersion & 255, 0, 1, 0x34])
const NAME = Buffer.from('smsc\0')

function refused(status: number, body: Buffer, gapMs: Kind['gapMs'], name: string): Kind {
  return { name, gapMs, refuse: (pdu, socket) => void socket.end(responseTo(pdu, status, body)) }
}

const NOTHING = Buffer.alloc(0)
const PASSWORD = [30_000, 300_000] as const
const BIND_FAILED = [10_000, 300_000] as const
const ALREADY = [5_000, 60_000] as const
/** A host that failed is left alone for a second; a mute one is waited for before that. */
const ORDINARY = [1_000, 60_000] as const
const UNANSWERED = [RESPONSE_MS + 1_000, RESPONSE_MS + 60_000] as const

const kinds: readonly Kind[] = [
  refused(0x0d, NOTHING, BIND_FAILED, 'ESME_RBINDFAIL, 16 octets'),
  refused(0x0d, Buffer.concat([NAME, VERSION_TLV]), BIND_FAILED, 'ESME_RBINDFAIL with a body'),
  refused(0x0e, NAME, PASSWORD, 'ESME_RINVPASWD without parameters'),
  refused(0x0f, NOTHING, PASSWORD, 'ESME_RINVSYSID, 16 octets'),
  refused(0x05, NAME, ALREADY, 'ESME_RALYBND without parameters'),
  refused(0x08, NOTHING, ORDINARY, 'ESME_RSYSERR, 16 octets'),
  { name: 'no bind_resp', isMute: true, gapMs: UNANSWERED, doubles: true, refuse: () => {} },
  {
    name: 'the answer to another bind',
    isMute: true,
    gapMs: UNANSWERED,
    doubles: true,
    refuse: (pdu, socket) => void socket.write(pduOf((COMMAND.bindReceiver | RESPONSE) >>> 0, 0, pdu.sequence, NAME)),
  },
  {
    name: 'other PDUs first, then a refusal',
    gapMs: ORDINARY,
    doubles: true,
    refuse: (pdu, socket) => {
      const early = [pduOf(COMMAND.deliverSm, 0, 1), pduOf(COMMAND.submitSmResp, 0, pdu.sequence, 'x\0')]
      socket.end(Buffer.concat([...early, pduOf(COMMAND.enquireLink, 0, 2), responseTo(pdu, 0x08)]))
    },
  },
  { name: 'the connection is closed', gapMs: ORDINARY, doubles: true, refuse: (_pdu, socket) => void socket.end() },
]

/** A carrier that refuses its first binds; when it was tried, by the stepped clock. */
class Refuser {
  readonly kind: Kind
  readonly triedAt: number[] = []
  /** Binds that are left without an answer. */
  muted = 0
  readonly #clock: SteppedClock

  constructor(kind: Kind, clock: SteppedClock) {
    this.kind = kind
    this.#clock = clock
  }

  get isOver(): boolean {
    return this.triedAt.length > REFUSALS
  }

  onBind(pdu: RawPdu, socket: Socket): void {
    this.triedAt.push(this.#clock.monotonic())
    if (this.triedAt.length > REFUSALS) {
      // 16 octets, or without a parameter: both accept.
      socket.write(responseTo(pdu, 0, this.triedAt.length % 2 === 0 ? NOTHING : NAME))
      return
    }
    if (this.kind.isMute === true) {
      this.muted++
      socket.on('close', () => this.muted--)
    }
    this.kind.refuse(pdu, socket)
  }
}

function answering(pdu: RawPdu, socket: Socket): void {
  if (pdu.command === COMMAND.submitSm) socket.write(responseTo(pdu, 0, `${pdu.sequence}\0`))
  if (pdu.command === COMMAND.enquireLink) socket.write(responseTo(pdu, 0))
}

/** All that the sockets can do at this moment is done: no bind is on its way but those that nobody answers. */
async function quiet(channels: readonly SteppedChannel[], mutedOf: (index: number) => number): Promise<void> {
  for (;;) {
    const isBusy = channels.some(({ binds, inFlight }, index) => {
      const onTheWay = binds.filter(({ state }) => state === 'connecting' || state === 'binding').length
      return onTheWay > mutedOf(index) || inFlight > 0
    })
    if (!isBusy) return
    await turn()
    for (const channel of channels) channel.tick()
  }
}

async function startRefusers(t: Test, clock: SteppedClock): Promise<{ refusers: Refuser[]; ports: number[] }> {
  const refusers = kinds.map((kind) => new Refuser(kind, clock))
  const ports: number[] = []
  for (const refuser of refusers) {
    ports.push(await rawCarrier(t, answering, { onBind: (pdu, socket) => refuser.onBind(pdu, socket) }))
  }
  return { refusers, ports }
}

/** Refuses `REFUSALS` binds of each kind to carriers of so many binds, beside one that is well. */
async function refuseAll(t: Test, binds: number): Promise<Refuser[]> {
  const clock = new SteppedClock()
  const { refusers, ports } = await startRefusers(t, clock)
  let healthyBinds = 0
  const healthy = await rawCarrier(t, answering, {
    onBind: (pdu, socket) => {
      healthyBinds++
      socket.write(responseTo(pdu, 0, 'well\0'))
    },
  })
  const config = { binds, responseTimeoutMs: RESPONSE_MS, progressTimeoutMs: 3_600_000 }
  const channels = [...ports, healthy].map((port, n) => new SteppedChannel(clock, { port, ...config }, n))
  t.teardown(() => Promise.all(channels.map(({ channel }) => channel.drain(0))))
  const mutedOf = (index: number): number => refusers[index]?.muted ?? 0
  const well = channels.at(-1)!
  let ref = 0
  while (!refusers.every(({ isOver }) => isOver) || !channels.every(({ binds: all }) => all.every(isBound))) {
    well.waiting.push(++ref)
    for (const channel of channels) channel.tick()
    await quiet(channels, mutedOf)
    clock.advance(STEP_MS)
  }
  t.equal(healthyBinds, binds, 'the binds of the other carrier stay')
  t.ok(well.accepted.size >= ref - binds, 'and it is sent all the time')
  for (const channel of channels) {
    channel.waiting.push(ref + 1)
    channel.tick()
    await quiet([channel], () => 0)
    channel.tick()
    t.ok(channel.accepted.has(ref + 1), 'accepted in the end')
  }
  return refusers
}

function gapsOf({ triedAt }: Refuser): number[] {
  return triedAt.slice(1, REFUSALS + 1).map((at, n) => at - triedAt[n]!)
}

t.test(`${kinds.length * REFUSALS} refused binds: each waits its time, and nobody else does`, async (t) => {
  const lengths = new Set<number>()
  for (const refuser of await refuseAll(t, 1)) {
    const { kind } = refuser
    const gaps = gapsOf(refuser)
    const [least, most] = kind.gapMs
    for (const [attempt, gap] of gaps.entries()) {
      lengths.add(gap)
      const mostNow = kind.doubles === true ? Math.min(least + 1_000 * (2 ** attempt - 1), most) : most
      // The clock goes in steps, which may add one to the wait and one to an answer that is waited for.
      t.ok(gap >= least && gap <= mostNow + 2 * STEP_MS, `${kind.name}: ${gap} ms, ${least} to ${mostNow}`)
    }
  }
  t.ok(lengths.size > kinds.length, 'there is jitter')
})

t.test(`${kinds.length * REFUSALS} more of carriers with ${BINDS} binds: one try a second at most`, async (t) => {
  for (const refuser of await refuseAll(t, BINDS)) {
    const gaps = gapsOf(refuser)
    t.ok(Math.min(...gaps) >= 1_000, `${refuser.kind.name}: ${gaps.join(', ')} ms`)
  }
})

function isBound({ state }: { state: string }): boolean {
  return state === 'bound'
}

const STOPS = 10 * TIMES
const WINDOW = 20
const ENQUIRE_MS = 30_000

t.test(
  `${STOPS} times the carrier's process stands still: it is left in time, and only what waited goes again`,
  async (t) => {
    const clock = new SteppedClock()
    const smsc = await spawnSmsc(['--count-repeats', '--dlr-delay-ms', '600000'])
    const pid = smsc.child.pid!
    t.teardown(() => {
      process.kill(pid, 'SIGCONT')
      smsc.child.kill('SIGKILL')
    })
    const times = { responseTimeoutMs: RESPONSE_MS, enquireLinkMs: ENQUIRE_MS }
    const stepped = new SteppedChannel(clock, { port: smsc.port, window: WINDOW, adaptiveWindow: false, ...times })
    t.teardown(() => stepped.channel.drain(0))
    let ref = 0
    const send = (count: number): void => {
      for (let n = 0; n < count; n++) stepped.waiting.push(++ref)
    }
    const untilAccepted = async (): Promise<void> => {
      while (stepped.accepted.size < ref) {
        stepped.tick()
        await turn()
        // Only a bind that is to be opened again needs time to pass.
        if (stepped.binds[0]!.state === 'waiting') clock.advance(STEP_MS)
      }
    }
    for (let stop = 0; stop < STOPS; stop++) {
      send(WINDOW)
      await untilAccepted()
      process.kill(pid, 'SIGSTOP')
      const stoppedAt = clock.monotonic()
      // Half of the times it has something to answer.
      if (stop % 2 === 0) send(WINDOW)
      while (stepped.binds[0]!.state === 'bound') {
        stepped.tick()
        await turn()
        clock.advance(STEP_MS)
      }
      const tookMs = clock.monotonic() - stoppedAt
      const mostMs = ENQUIRE_MS + RESPONSE_MS + 2 * STEP_MS
      if (tookMs > mostMs) t.fail(`left after ${tookMs} ms, at most ${mostMs}`)
      process.kill(pid, 'SIGCONT')
      await untilAccepted()
    }
    const { distinct, repeats, protocolErrors } = await smsc.stats()
    t.equal(distinct, ref, 'every message arrived')
    const unanswered = stepped.refused.get(OUTCOME.unanswered) ?? 0
    t.ok(repeats <= unanswered, `${repeats} repeats of what was unanswered ${unanswered} times`)
    const most = (STOPS / 2) * (WINDOW + 1)
    t.ok(
      unanswered <= most,
      `a window each time that something was to be answered, and one that was risked: ${unanswered}`,
    )
    t.ok(repeats > 0)
    t.equal(protocolErrors, 0)
  },
)
