/**
 * The media thread with many calls at once: CPU share, time a packet, and how evenly the packets come, measured in another
 * process. `node build/bench/rtp.js [calls] [seconds] [duplex]`; 500 calls for 20 s unless told. `duplex`: the far ends send
 * back as much as they hear. On a machine that does other things as well: `chrt -f 10 node build/bench/rtp.js`.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { silentLog } from '../src/engine/contract/log.js'
import type { Media, MediaReport } from '../src/sip/media/media.js'
import { writeSound } from '../src/sip/media/sound-file.js'
import { prepareMedia } from '../src/start-media.js'
import type { EarsReport } from './rtp-ears.js'

const calls = Number(process.argv[2] ?? 500)
const seconds = Number(process.argv[3] ?? 20)
const isDuplex = process.argv[4] === 'duplex'

async function startEars(): Promise<{ child: ChildProcess; ports: number[] }> {
  const child = fork(fileURLToPath(new URL('rtp-ears.js', import.meta.url)), isDuplex ? ['duplex'] : [])
  const [ports] = (await once(child, 'message')) as [number[]]
  return { child, ports }
}

async function open(media: Media, call: number): Promise<void> {
  const port = await new Promise((resolve) => media.open(call, { address: '127.0.4.20', from: 0, to: 0 }, resolve))
  if (port === null) throw new Error('no port')
}

async function close(media: Media, call: number): Promise<MediaReport> {
  return await new Promise((resolve) => media.close(call, resolve))
}

const folder = mkdtempSync(join(tmpdir(), 'trunkline-rtp-bench-'))
const file = join(folder, 'tone.sound')
await writeSound(
  file,
  Int16Array.from({ length: 8_000 * seconds }, (_, n) => 8_000 * Math.sin(n / 3)),
)
const ears = await startEars()
const running = prepareMedia({ logLevel: 'silent' }, silentLog)
const media = running.link.join({ digit() {}, played() {}, failed: (call, why) => console.log(`call ${call}: ${why}`) })
const numbers = Array.from({ length: calls }, (_, n) => n)
for (const call of numbers) await open(media, call)

const cpuBefore = process.cpuUsage()
const startedAt = performance.now()
for (const call of numbers) {
  const port = ears.ports[call % ears.ports.length]!
  const target = { address: '127.0.4.21', port, codec: 'pcma', payloadType: 8, packetMs: 20 } as const
  media.connect(call, { ...target, eventPayloadType: 101, mayHear: true })
  media.play(call, [{ file }], 500)
}
await pause(seconds * 1_000)
const cpu = process.cpuUsage(cpuBefore)
const tookMs = performance.now() - startedAt
const reports = await Promise.all(numbers.map(async (call) => await close(media, call)))
await pause(200)
const answered = once(ears.child, 'message')
ears.child.send('report')
const [heard] = (await answered) as [EarsReport]

const sent = reports.reduce((sum, { packetsSent }) => sum + packetsSent, 0)
const received = reports.reduce((sum, { packetsReceived }) => sum + packetsReceived, 0)
const cpuUs = cpu.user + cpu.system
const rss = process.memoryUsage.rss() / 2 ** 20
console.log(`${calls} calls for ${seconds} s${isDuplex ? ', both ways' : ''}; load ${loadavg()[0]!.toFixed(1)}`)
console.log(`sent ${sent} (${((sent / calls / tookMs) * 1_000).toFixed(2)} a second and call), received ${received}`)
console.log(
  `CPU ${((cpuUs / tookMs / 1_000) * 100).toFixed(1)} % of a core, ${(cpuUs / sent).toFixed(2)} µs a packet sent`,
)
console.log(`RSS ${rss.toFixed(0)} MB`)
const { median, p999, worst } = heard.deviationMs
console.log(`at the far end: ${heard.packets} packets of ${heard.streams} streams, ${heard.lost} lost`)
console.log(`deviation: median ${median.toFixed(2)} ms, p99.9 ${p999.toFixed(2)} ms, worst ${worst.toFixed(2)} ms`)
await running.stop()
rmSync(folder, { recursive: true, force: true })
