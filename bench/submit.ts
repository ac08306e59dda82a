/**
 * Submits per second of one session: our SMPP channel, npm smpp and Kannel against the same carrier in C, and a client in C that is
 * the limit, at windows from 1 to 1,000, without latency and with 50 ms; rounds in turn.
 *
 *   node build/bench/submit.js [--rounds R] [--seconds S]
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Random } from '../src/engine/base/random.js'
import type { Channel } from '../src/engine/contract/channel.js'
import { systemClock } from '../src/engine/contract/clock.js'
import { silentLog } from '../src/engine/contract/log.js'
import { noMetrics } from '../src/engine/contract/metrics.js'
import type { OutcomeSink, Receipt } from '../src/engine/contract/outcome.js'
import { createSmppChannel } from '../src/smpp/smpp-channel.js'
import { carrierConfig, outgoing } from '../test/smpp-support.js'
import { type BenchOptions, type BenchRow, median } from './bench.js'
import { hasKannel, runKannel } from './kannel.js'
import { runLimit, type Sink, startSink } from './limit.js'

const LATENCY_MS = 50
const TEXT =
  'Dear customer, your parcel 4711 is on its way and comes today between 9 and 12. Reply STOP to end. '.padEnd(160, 'x')

/** Of one system in one round. */
interface Measured {
  perSecond: number
  cpuSecondsPer100k: number
}

interface Situation {
  sink: Sink
  window: number
  seconds: number
  receipts: boolean
}

type System = 'limit' | 'trunkline' | 'npm smpp' | 'Kannel'

const SYSTEMS: Record<System, (situation: Situation) => Promise<Measured>> = {
  async limit({ sink, ...options }) {
    const { submits, receipts, seconds, cpuSeconds } = await runLimit({ port: sink.port, ...options })
    const count = options.receipts ? receipts : submits
    return { perSecond: count / seconds, cpuSecondsPer100k: (cpuSeconds / count) * 1e5 }
  },
  trunkline: measureChannel,
  'npm smpp': measureNpm,
  Kannel: runKannel,
}

/** Counts and answers at once, as if every settlement were durable. */
class CountingSink implements OutcomeSink {
  channel: Channel | null = null
  settledCount = 0
  receiptCount = 0
  #newlySettled = 0
  wake: () => void = () => {}
  settled(): void {
    this.settledCount++
    this.#newlySettled++
  }
  answeredLate(): void {}
  receipt(receipt: Receipt): void {
    this.receiptCount++
    this.channel!.acknowledge(receipt.bind, receipt.session, receipt.sequence, true)
  }
  inbound(): void {}
  capacityChanged(): void {
    this.wake()
  }
  bindChanged(): void {
    this.wake()
  }
  durable(): void {
    this.channel!.durable(0, this.#newlySettled)
    this.#newlySettled = 0
  }
}

async function measureChannel(situation: Situation): Promise<Measured> {
  const sink = new CountingSink()
  const config = carrierConfig({ port: situation.sink.port, window: situation.window })
  config.receipts.request = situation.receipts ? 'final' : 'none'
  const random = new Random(1)
  const channel = createSmppChannel(config, { sink, clock: systemClock, random, metrics: noMetrics, log: silentLog })
  sink.channel = channel
  channel.start()
  const result = await new Promise<Measured>((resolve) => drive(channel, sink, { ...situation, done: resolve }))
  await channel.drain(Date.now() + 2_000)
  return result
}

/** What was counted between two answers, the first a fifth of the time after the start: with a latency they come in groups. */
class Counted {
  readonly #count: () => number
  readonly #startedAt: number
  readonly #untilMs: number
  #first: { count: number; atMs: number; cpu: NodeJS.CpuUsage } | null = null
  #last = { count: 0, atMs: 0 }

  constructor(count: () => number, startedAt: number, seconds: number) {
    this.#count = count
    this.#startedAt = startedAt
    this.#untilMs = seconds * 1000
  }

  /** After each turn. */
  look(nowMs: number): void {
    const count = this.#count()
    if (count === this.#last.count) return
    this.#last = { count, atMs: nowMs }
    if (this.#first !== null || nowMs - this.#startedAt < this.#untilMs / 5) return
    this.#first = { count, atMs: nowMs, cpu: process.cpuUsage() }
  }

  isOver(nowMs: number): boolean {
    return this.#first !== null && nowMs - this.#startedAt >= this.#untilMs
  }

  result(): Measured {
    const { count, atMs, cpu } = this.#first!
    const used = process.cpuUsage(cpu)
    const counted = this.#last.count - count
    return {
      perSecond: (counted * 1000) / (this.#last.atMs - atMs),
      cpuSecondsPer100k: ((used.user + used.system) / 1e6 / counted) * 1e5,
    }
  }
}

/** A tick whenever something changed, as the dispatcher does. */
function drive(
  channel: Channel,
  sink: CountingSink,
  { seconds, receipts, done }: Situation & { done(measured: Measured): void },
): void {
  const message = outgoing(1, '447712345678', [TEXT])
  const counted = new Counted(
    () => (receipts ? sink.receiptCount : sink.settledCount),
    systemClock.monotonic(),
    seconds,
  )
  let scheduled = false
  const timer = setInterval(() => sink.wake(), 10)
  const turn = (): void => {
    scheduled = false
    const nowMs = systemClock.monotonic()
    counted.look(nowMs)
    sink.durable()
    channel.tick(nowMs)
    for (let room = channel.capacity(nowMs); room > 0; room--) {
      message.ref++
      channel.send(message, nowMs)
    }
    channel.flush()
    if (!counted.isOver(nowMs)) return
    clearInterval(timer)
    sink.wake = () => {}
    done(counted.result())
  }
  sink.wake = () => {
    if (scheduled) return
    scheduled = true
    setImmediate(turn)
  }
}

async function measureNpm({ sink, window, seconds, receipts }: Situation): Promise<Measured> {
  const { default: smpp } = await import('smpp' as string)
  const session = smpp.connect({ host: '127.0.0.1', port: sink.port })
  await new Promise((resolve) => session.bind_transceiver({ system_id: 'trunk', password: 'secret' }, resolve))
  let receipted = 0
  session.on('deliver_sm', (pdu: { response(): unknown }) => {
    receipted++
    session.send(pdu.response())
  })
  const submit = {
    source_addr: 'TRUNK',
    source_addr_ton: 5,
    destination_addr: '447712345678',
    short_message: TEXT,
    registered_delivery: receipts ? 1 : 0,
  }
  const counted = new Counted(() => (receipts ? receipted : answered), performance.now(), seconds)
  let [answered, inFlight] = [0, 0]
  await new Promise<void>((resolve) => {
    const fill = (): void => {
      for (; inFlight < window; inFlight++) session.submit_sm(submit, done)
    }
    const done = (): void => {
      answered++
      inFlight--
      const nowMs = performance.now()
      counted.look(nowMs)
      if (counted.isOver(nowMs)) resolve()
      else fill()
    }
    fill()
  })
  session.destroy()
  return counted.result()
}

interface Asked {
  rounds: number
  seconds: number
}

/** Medians of rounds in turn; rows of one situation, each with its ratio to the limit, or to the ideal where there is latency. */
async function compare(
  latencyMs: number,
  situation: Omit<Situation, 'sink' | 'seconds'>,
  asked: Asked,
): Promise<BenchRow[]> {
  const systems = (Object.keys(SYSTEMS) as System[]).filter((name) => name !== 'Kannel' || hasKannel)
  const seen = new Map<System, Measured[]>(systems.map((name) => [name, []]))
  for (let round = 0; round < asked.rounds; round++) {
    for (const name of systems) {
      const sink = await startSink({ latencyMs })
      seen.get(name)!.push(await SYSTEMS[name]({ ...situation, sink, seconds: asked.seconds }))
      await sink.stop()
    }
  }
  return rowsOf(seen, latencyMs, situation)
}

function rowsOf(
  seen: Map<System, Measured[]>,
  latencyMs: number,
  { window, receipts }: Pick<Situation, 'window' | 'receipts'>,
): BenchRow[] {
  const where = `window ${window}${receipts ? ', a receipt each' : ''}${latencyMs === 0 ? '' : `, ${latencyMs} ms`}`
  const ratioTo = latencyMs === 0 ? 'limit' : 'window / latency'
  const middle = (name: System, of: keyof Measured) => median(seen.get(name)!.map((each) => each[of]))
  const whole = latencyMs === 0 ? middle('limit', 'perSecond') : (window * 1000) / latencyMs
  return [...seen.keys()].flatMap((name) => {
    const value = middle(name, 'perSecond')
    return [
      { name: `${name}, ${where}`, value, unit: receipts ? 'receipts/s' : 'submits/s', ratioTo, ratio: value / whole },
      { name: `${name}, ${where}, CPU`, value: middle(name, 'cpuSecondsPer100k'), unit: 's per 100k' },
    ]
  })
}

export async function bench({
  quick,
  rounds = quick ? 1 : 3,
  seconds = quick ? 0.5 : 1.5,
}: BenchOptions & Partial<Asked> = {}): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  for (const latencyMs of [0, LATENCY_MS]) {
    for (const window of quick ? [10, 1000] : [1, 10, 100, 1000]) {
      rows.push(...(await compare(latencyMs, { window, receipts: false }, { rounds, seconds })))
    }
  }
  rows.push(...(await compare(0, { window: 1000, receipts: true }, { rounds, seconds })))
  return rows
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { rounds: { type: 'string' }, seconds: { type: 'string' } } })
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  const seconds = values.seconds === undefined ? undefined : Number(values.seconds)
  for (const { name, value, unit, ratio, ratioTo } of await bench({ rounds, seconds })) {
    console.log(
      `${name}: ${value.toPrecision(3)} ${unit}${ratio === undefined ? '' : `  ${ratio.toPrecision(3)} × ${ratioTo}`}`,
    )
  }
}
