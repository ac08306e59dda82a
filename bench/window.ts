/** Submit rate of the SMPP channel at several windows, with and without receipts, the simulator in a process of its own; npm smpp beside it. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { runSmsc } from '../src/cli/smsc.js'
import { Random } from '../src/engine/base/random.js'
import type { Channel } from '../src/engine/contract/channel.js'
import { systemClock } from '../src/engine/contract/clock.js'
import { silentLog } from '../src/engine/contract/log.js'
import { noMetrics } from '../src/engine/contract/metrics.js'
import type { OutcomeSink, Receipt } from '../src/engine/contract/outcome.js'
import { createSmppChannel } from '../src/smpp/smpp-channel.js'
import { carrierConfig, outgoing } from '../test/smpp-support.js'
import { type BenchOptions, type BenchRow, median } from './bench.js'

const ROUNDS = 3
const SECONDS = 1
const TEXT =
  'Dear customer, your parcel 4711 is on its way and comes today between 9 and 12. Reply STOP to end. '.padEnd(160, 'x')

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

interface Measured {
  perSecond: number
  cpuSecondsPer100k: number
}

async function measure(port: number, window: number, receipts: boolean): Promise<Measured> {
  const sink = new CountingSink()
  const request = receipts ? ('final' as const) : ('none' as const)
  const config = carrierConfig({ port, window })
  config.receipts.request = request
  const random = new Random(1)
  const channel = createSmppChannel(config, { sink, clock: systemClock, random, metrics: noMetrics, log: silentLog })
  sink.channel = channel
  channel.start()
  const result = await new Promise<Measured>((resolve) => drive(channel, sink, resolve))
  await channel.drain(Date.now() + 2_000)
  return result
}

/** A tick whenever something changed, as the dispatcher does. */
function drive(channel: Channel, sink: CountingSink, done: (measured: Measured) => void): void {
  const message = outgoing(1, '447712345678', [TEXT])
  let startedAt = 0
  let countAtStart = 0
  let cpu = process.cpuUsage()
  let scheduled = false
  const timer = setInterval(() => sink.wake(), 10)
  const turn = (): void => {
    scheduled = false
    const nowMs = systemClock.monotonic()
    sink.durable()
    channel.tick(nowMs)
    for (let room = channel.capacity(nowMs); room > 0; room--) {
      message.ref++
      channel.send(message, nowMs)
    }
    channel.flush()
    if (startedAt === 0 && sink.settledCount > 0) {
      startedAt = nowMs
      countAtStart = sink.settledCount
      cpu = process.cpuUsage()
    }
    if (startedAt === 0 || nowMs - startedAt < SECONDS * 1000) return
    clearInterval(timer)
    sink.wake = () => {}
    const used = process.cpuUsage(cpu)
    const count = sink.settledCount - countAtStart
    done({
      perSecond: (count * 1000) / (nowMs - startedAt),
      cpuSecondsPer100k: ((used.user + used.system) / 1e6 / count) * 100_000,
    })
  }
  sink.wake = () => {
    if (scheduled) return
    scheduled = true
    setImmediate(turn)
  }
}

async function measureNpm(port: number, window: number): Promise<Measured> {
  const { default: smpp } = await import('smpp' as string)
  const session = smpp.connect({ host: '127.0.0.1', port })
  await new Promise((resolve) => session.bind_transceiver({ system_id: 'trunk', password: 'secret' }, resolve))
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  let count = 0
  let inFlight = 0
  await new Promise<void>((resolve) => {
    const answered = (): void => {
      count++
      inFlight--
      if (performance.now() - startedAt >= SECONDS * 1000) resolve()
      else fill()
    }
    const fill = (): void => {
      for (; inFlight < window; inFlight++) {
        session.submit_sm(
          { source_addr: 'TRUNK', source_addr_ton: 5, destination_addr: '447712345678', short_message: TEXT },
          answered,
        )
      }
    }
    fill()
  })
  const used = process.cpuUsage(cpu)
  session.destroy()
  const seconds = (performance.now() - startedAt) / 1000
  return { perSecond: count / seconds, cpuSecondsPer100k: ((used.user + used.system) / 1e6 / count) * 100_000 }
}

function startSmsc(): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(fileURLToPath(import.meta.url), ['smsc'], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  return new Promise((resolve) => {
    child.stdout!.once('data', (line: Buffer) => {
      resolve({ child, port: JSON.parse(line.toString()).listening.port })
    })
  })
}

export async function bench(options: BenchOptions = {}): Promise<BenchRow[]> {
  const rounds = options.quick ? 1 : ROUNDS
  const { child, port } = await startSmsc()
  const rows: BenchRow[] = []
  try {
    for (const window of options.quick ? [10, 1000] : [1, 10, 100, 1000]) {
      const npm = await repeat(rounds, () => measureNpm(port, window))
      const plain = await repeat(rounds, () => measure(port, window, false))
      const name = `npm smpp, window ${window}`
      rows.push({ name, value: npm.perSecond, unit: 'submits/s' })
      const ratio = plain.perSecond / npm.perSecond
      rows.push({ name: `channel, window ${window}`, value: plain.perSecond, unit: 'submits/s', ratioTo: name, ratio })
      rows.push({ name: `channel, window ${window}, CPU`, value: plain.cpuSecondsPer100k, unit: 's per 100k' })
    }
    const receipts = await repeat(rounds, () => measure(port, 1000, true))
    rows.push({ name: 'channel, window 1000, a receipt each', value: receipts.perSecond, unit: 'submits/s' })
  } finally {
    child.kill('SIGTERM')
  }
  return rows
}

async function repeat(rounds: number, run: () => Promise<Measured>): Promise<Measured> {
  const seen: Measured[] = []
  for (let round = 0; round < rounds; round++) seen.push(await run())
  return {
    perSecond: median(seen.map((each) => each.perSecond)),
    cpuSecondsPer100k: median(seen.map((each) => each.cpuSecondsPer100k)),
  }
}

if (process.argv[2] === 'smsc') await runSmsc({ host: '127.0.0.1', port: 0 })
