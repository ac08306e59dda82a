/** Perl's Net::SMPP (Debian libnet-smpp-perl), an implementation of its own, on the other side of our SMPP in both roles. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { startEngine, startJob, untilMessages } from './peer-support.js'

const isInstalled = spawnSync('perl', ['-MNet::SMPP', '-MJSON::PP', '-e', '1']).status === 0
const skip = isInstalled ? false : "Perl's Net::SMPP is not installed (Debian: libnet-smpp-perl)"

/** A line of a script's output: what it saw, by field. */
type Line = Record<string, string | number | undefined>

class PerlScript {
  readonly child: ChildProcess
  readonly lines: string[] = []
  readonly ended: Promise<unknown[]>
  #waiting: (() => void) | null = null

  constructor(t: Test, name: string, args: string[]) {
    const script = fileURLToPath(new URL(`../../test/peers/${name}`, import.meta.url))
    this.child = spawn('perl', [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.ended = once(this.child, 'close')
    t.teardown(() => this.child.kill())
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.lines.push(line)
      this.#waiting?.()
    })
  }

  /** All output so far, once `fits` says that it is enough. */
  async until(fits: (lines: string[]) => boolean): Promise<string[]> {
    while (!fits(this.lines)) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
    return this.lines
  }

  seen(): Line[] {
    return this.lines.slice(1).map((line) => JSON.parse(line) as Line)
  }
}

const euro = 'Price 5€ [net]'
const long = 'The quick brown fox jumps over the lazy dog. '.repeat(5).trim()
const wide = 'Добрый день, ждём вас в 10:00'

function hexOf(text: string): string {
  return Buffer.from(text, 'utf16le').swap16().toString('hex')
}

t.test('as a carrier it reads every field of ours, and its receipts deliver each message', { skip }, async (t) => {
  const perl = new PerlScript(t, 'perl-smsc.pl', [])
  const [port] = await perl.until(({ length }) => length > 0)
  const peers = await startEngine(t, [{ id: 'perl', port: Number(port), longMessages: 'udh' }])
  const texts = ['Hello', euro, wide, long]
  const rows = texts.map((text, n) => ({ to: `+44771000000${n}`, text }))
  const job = await startJob(peers, {}, rows)
  const messages = await untilMessages(peers, job, (all) => all.every(({ state }) => state === 'delivered'))
  t.strictSame(
    messages.map(({ state, text }) => ({ state, text })),
    texts.map((text) => ({ state: 'delivered', text })),
  )
  await peers.server.stop()
  await perl.ended
  const seen = perl.seen()
  t.match(seen[0], { bind: 'trunk', version: 0x34 })
  const submits = seen.filter(({ destination_addr }) => destination_addr !== undefined)
  t.equal(submits.length, 5, 'the long text has two parts')
  const of = (n: number): Line[] => submits.filter(({ destination_addr }) => destination_addr === `44771000000${n}`)
  const common = { source_addr: 'TRUNK', source_addr_ton: 5, source_addr_npi: 0, dest_addr_ton: 1, dest_addr_npi: 1 }
  t.match(of(0), [{ ...common, data_coding: 0, registered_delivery: 1, esm_class: 0, text: '48656c6c6f' }])
  t.match(of(1), [{ data_coding: 0, text: '507269636520351b65201b3c6e65741b3e' }])
  t.match(of(2), [{ data_coding: 8, text: hexOf(wide) }])
  const [first, second] = of(3).map((line) => Buffer.from(String(line.text), 'hex'))
  t.strictSame(
    of(3).map(({ esm_class }) => esm_class),
    [0x40, 0x40],
  )
  t.strictSame([...first!.subarray(0, 6)], [5, 0, 3, first![3], 2, 1])
  t.strictSame([...second!.subarray(0, 6)], [5, 0, 3, first![3], 2, 2])
  t.equal(first!.latin1Slice(6) + second!.latin1Slice(6), long)
  t.equal(seen.filter(({ acknowledged }) => acknowledged === 0).length, 5, 'each receipt is acknowledged')
  t.match(seen.at(-1), { unbound: 1 }, 'and the session is unbound')
  t.notOk(seen.some(({ unexpected }) => unexpected !== undefined))
})

t.test('as a client it sends through the simulator and gets a receipt for each', { skip }, async (t) => {
  const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
  const { port } = await smsc.listen()
  t.teardown(() => smsc.close())
  const count = 200
  const perl = new PerlScript(t, 'perl-esme.pl', [String(port), String(count)])
  t.strictSame(await perl.ended, [0, null])
  const seen = JSON.parse(perl.lines[0]!) as { ids: string[]; delivered: Record<string, string> }
  t.match(seen, { bound: 0, statuses: { 0: count }, enquired: 0, unbound: 0 })
  t.strictSame(Object.keys(seen.delivered).sort(), [...seen.ids].sort())
  t.ok(Object.values(seen.delivered).every((state) => state === 'DELIVRD'))
  t.match(smsc.stats(), { submits: count, receiptsAcknowledged: count, unbinds: 1, protocolErrors: 0 })
})
