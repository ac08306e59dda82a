/** Kannel (Debian), a gateway of its own, as a client of `trunkline smsc`: binds, submits, takes receipts, rebinds. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../bench/processes.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'

const searched = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }
const isInstalled = spawnSync('bearerbox', ['--version'], { env: searched }).status === 0
const skip = isInstalled ? false : 'Kannel is not installed (Debian: kannel)'

/** Receipts by message and type, as Kannel reports them to its user. */
class Reports {
  readonly seen = new Map<string, string>()
  readonly server: Server
  #waiting: (() => void) | null = null

  constructor() {
    this.server = createServer((request, response) => {
      const query = new URL(request.url!, 'http://127.0.0.1').searchParams
      this.seen.set(query.get('n')!, query.get('type')!)
      response.end()
      this.#waiting?.()
    })
  }

  async until(count: number): Promise<void> {
    while (this.seen.size < count) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
  }
}

interface Ports {
  smsc: number
  admin: number
  box: number
  http: number
}

function configuration(folder: string, ports: Ports): string {
  return `
group = core
admin-port = ${ports.admin}
admin-interface = 127.0.0.1
admin-password = x
smsbox-port = ${ports.box}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
log-file = "${folder}/bearerbox.log"
log-level = 1

group = smsc
smsc = smpp
smsc-id = sim
host = 127.0.0.1
port = ${ports.smsc}
transceiver-mode = true
smsc-username = kannel
smsc-password = x
system-type = ""
reconnect-delay = 1
msg-id-type = 0x00

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = ${ports.box}
sendsms-port = ${ports.http}
sendsms-interface = 127.0.0.1
log-file = "${folder}/smsbox.log"
log-level = 1

group = sendsms-user
username = u
password = p
max-messages = 10
concatenation = true
`
}

function start(t: Test, program: string, file: string): ChildProcess {
  const child = spawn(program, [file], { stdio: 'ignore', env: searched })
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'close')
    child.kill('SIGKILL')
    await ended
  })
  return child
}

/** Kannel's HTTP answers once it is up; until then the connection is refused. */
async function submit(url: string): Promise<string> {
  for (;;) {
    const answer = await fetch(url).catch(() => null)
    if (answer?.status === 202) return await answer.text()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

t.test(
  'sends through the simulator, also after its session was cut, and hears of each message',
  { skip },
  async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-kannel-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const smsc = new Smsc({ host: '127.0.0.1', port: 0, countRepeats: true }, silentLog)
    const { port } = await smsc.listen()
    t.teardown(() => smsc.close())
    const reports = new Reports()
    reports.server.listen(0, '127.0.0.1')
    await once(reports.server, 'listening')
    t.teardown(() => reports.server.close())
    const ports = { smsc: port, admin: await freePort(), box: await freePort(), http: await freePort() }
    const file = path.join(folder, 'kannel.conf')
    writeFileSync(file, configuration(folder, ports))
    const bearerbox = start(t, 'bearerbox', file)
    await smsc.waitFor(({ sessions }) => sessions === 1)
    start(t, 'smsbox', file)
    const reportPort = (reports.server.address() as AddressInfo).port
    const urlOf = (n: number, text: string, more = ''): string => {
      const report = encodeURIComponent(`http://127.0.0.1:${reportPort}/?n=${n}&type=%d`)
      const to = `447710${String(n).padStart(6, '0')}`
      return `http://127.0.0.1:${ports.http}/cgi-bin/sendsms?username=u&password=p&from=KANNEL&to=${to}&text=${encodeURIComponent(text)}&dlr-mask=3&dlr-url=${report}${more}`
    }
    for (let n = 0; n < 20; n++) await submit(urlOf(n, `Number ${n} costs 5 euro`))
    await submit(urlOf(20, 'The quick brown fox jumps over the lazy dog. '.repeat(6)))
    await submit(urlOf(21, 'Добрый день', '&coding=2&charset=UTF-8'))
    await reports.until(22)
    smsc.dropAll()
    for (let n = 22; n < 32; n++) await submit(urlOf(n, `Number ${n}`))
    await reports.until(32)
    t.strictSame([...new Set(reports.seen.values())], ['1'], 'each is reported as delivered')
    const closing = once(bearerbox, 'close')
    bearerbox.kill('SIGTERM')
    await closing
    t.match(smsc.stats(), { submits: 33, distinct: 33, protocolErrors: 0, receiptsRefused: 0, unbinds: 1 })
  },
)
