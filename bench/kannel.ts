/** Kannel (Debian: kannel) beside us: bearerbox with one SMPP session, fed over HTTP by a program that costs nothing. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { request } from 'undici'
import { type Sink, startFeeder } from './limit.js'
import { cpuSeconds, freePort } from './processes.js'

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }
/** Debian's package has both programs. */
export const hasKannel = spawnSync('bearerbox', ['--version'], { env }).status === 0

/** Enough to keep both boxes busy, and fewer than may wait to be accepted. */
const CONNECTIONS = 32
const WARM_UP_MS = 1_000
const LOOK_MS = 50
const TEXT = 'x'.repeat(160)

export interface KannelOptions {
  sink: Sink
  window: number
  seconds: number
  receipts?: boolean
  /** Messages are written to a file before they are taken, and rewritten when they are done; never synced to the disk. */
  store?: boolean
}

export interface KannelSays {
  /** Submits, or where receipts are asked for receipts acknowledged, per second. */
  perSecond: number
  cpuSecondsPer100k: number
}

export async function runKannel(options: KannelOptions): Promise<KannelSays> {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-kannel-'))
  const [control, box, http] = [await freePort(), await freePort(), await freePort()]
  const file = path.join(folder, 'kannel.conf')
  writeFileSync(file, configText(options, { folder, control, box, http }))
  const boxes: ChildProcess[] = []
  try {
    boxes.push(spawn('bearerbox', [file], { stdio: 'ignore', env }))
    while ((await options.sink.stats()).sessions === 0) await pause(LOOK_MS)
    boxes.push(spawn('smsbox', [file], { stdio: 'ignore', env }))
    const report = options.receipts ? '&dlr-mask=3' : ''
    const asked = `/cgi-bin/sendsms?username=u&password=p&from=TRUNK&to=%2B447712345678&text=${TEXT}${report}`
    await untilUp(http, asked)
    return await measure(options, boxes, { http, asked })
  } finally {
    for (const child of boxes) {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(
  { sink, seconds, receipts }: KannelOptions,
  boxes: ChildProcess[],
  { http, asked }: { http: number; asked: string },
): Promise<KannelSays> {
  const feeder = startFeeder(http, CONNECTIONS, asked)
  const count = async () => {
    const { submits, receiptsAcknowledged } = await sink.stats()
    return receipts ? receiptsAcknowledged : submits
  }
  const cpu = () => boxes.reduce((sum, { pid }) => sum + cpuSeconds(pid!), 0)
  await pause(WARM_UP_MS)
  const [before, cpuBefore, startedAt] = [await count(), cpu(), performance.now()]
  await pause(seconds * 1000)
  const done = (await count()) - before
  const used = cpu() - cpuBefore
  const passed = (performance.now() - startedAt) / 1000
  await feeder.stop()
  return { perSecond: done / passed, cpuSecondsPer100k: (used / done) * 1e5 }
}

async function untilUp(port: number, asked: string): Promise<void> {
  for (;;) {
    const answer = await request(`http://127.0.0.1:${port}${asked}`).catch(() => null)
    await answer?.body.dump()
    if (answer !== null && answer.statusCode < 300) return
    await pause(LOOK_MS)
  }
}

function configText(
  { sink, window, store }: KannelOptions,
  { folder, control, box, http }: { folder: string; control: number; box: number; http: number },
): string {
  return `
group = core
admin-port = ${control}
admin-interface = 127.0.0.1
admin-password = x
smsbox-port = ${box}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
log-level = 4
${store ? `store-type = file\nstore-location = ${folder}/store` : ''}

group = smsc
smsc = smpp
smsc-id = sink
host = 127.0.0.1
port = ${sink.port}
transceiver-mode = true
smsc-username = kannel
smsc-password = x
system-type = ""
max-pending-submits = ${window}

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = ${box}
sendsms-port = ${http}
sendsms-interface = 127.0.0.1
log-level = 4

group = sendsms-user
username = u
password = p
max-messages = 1
`
}
