/**
 * kill -9 between the parts of messages: each that the carrier was told is kept is listed, once and whole, whatever the
 * carrier delivers again because it saw no answer.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { InboundView } from '../src/engine/contract/inbound.js'
import { Child } from './engine-process.js'
import { type NpmSession, startPeer } from './peer-support.js'
import { seed } from './seed.js'

const MESSAGES = 150
const KILLS = 2
const WINDOW = 8

interface Pdu {
  fields: object
  isAnswered: boolean
}

/** A carrier that delivers until it is answered, and begins again with what was not on the next connection. */
class Redelivery {
  readonly pdus: Pdu[]
  repeats = 0
  /** Holds back while so many are answered: the test goes on from here. */
  pauseAt = 0
  #answered = 0
  #sent = new Set<Pdu>()
  #at = 0
  #session: NpmSession | null = null
  #waiting: { count: number; resolve: () => void } | null = null

  constructor(pdus: Pdu[]) {
    this.pdus = pdus
  }

  bound(session: NpmSession): void {
    this.#session = session
    this.#at = 0
    this.goOn()
  }

  /** As many as a window holds, at once. */
  goOn(): void {
    const session = this.#session
    for (let n = 0; n < WINDOW && session !== null; n++) this.#next(session)
  }

  /** Resolves as soon as so many are answered. */
  answered(count: number): Promise<void> {
    if (this.#answered >= count) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting = { count, resolve }
    })
  }

  #next(session: NpmSession): void {
    while (this.#at < this.pdus.length && this.pdus[this.#at]!.isAnswered) this.#at++
    const pdu = this.pdus[this.#at++]
    if (pdu === undefined) return
    if (this.#sent.has(pdu)) this.repeats++
    this.#sent.add(pdu)
    session.deliver_sm(pdu.fields, (answer) => this.#onAnswer(session, pdu, answer.command_status))
  }

  #onAnswer(session: NpmSession, pdu: Pdu, status: number): void {
    if (session !== this.#session || pdu.isAnswered) return
    if (status !== 0) throw new Error(`answered with ${status}`)
    pdu.isAnswered = true
    this.#answered++
    if (this.#waiting !== null && this.#answered >= this.#waiting.count) this.#waiting.resolve()
    if (this.#answered < this.pauseAt) this.#next(session)
  }
}

function messageOf(n: number, total: number): { text: string; pdus: Pdu[] } {
  const address = { source_addr: `4477009${String(n).padStart(5, '0')}`, source_addr_ton: 1, destination_addr: '60099' }
  const pieces = Array.from({ length: total }, (_, index) => `message ${n} part ${index} `)
  const pdus = pieces.map((piece, index) => {
    const header = Buffer.from([5, 0, 3, n & 255, total, index + 1])
    const short_message = total === 1 ? Buffer.from(piece) : Buffer.concat([header, Buffer.from(piece)])
    return { fields: { ...address, esm_class: total === 1 ? 0 : 0x40, short_message }, isAnswered: false }
  })
  return { text: pieces.join(''), pdus }
}

async function listOf(child: Child): Promise<InboundView[]> {
  const items: InboundView[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`
    const page = (await child.call('GET', `/v1/inbound?limit=200${query}`, child.adminKey)) as unknown as {
      items: InboundView[]
      nextCursor: string | null
    }
    items.push(...page.items)
    cursor = page.nextCursor
  }
  return items
}

t.setTimeout(580_000)
t.test(`kills between parts, seed ${seed}`, async (t) => {
  const random = new Random(seed)
  const messages = Array.from({ length: MESSAGES }, (_, n) => messageOf(n, 1 + random.below(3)))
  const pdus = messages.flatMap((message) => message.pdus)
  // Parts of neighbours are mixed, so that every kill finds messages under way.
  for (let at = 0; at + 6 < pdus.length; at++) {
    const other = at + random.below(6)
    ;[pdus[at], pdus[other]] = [pdus[other]!, pdus[at]!]
  }
  const carrier = new Redelivery(pdus)
  const port = await startPeer(t, (session) => session.on('bind_transceiver', () => carrier.bound(session)))
  const dataDir = mkdtempSync(path.join(tmpdir(), 'trunkline-inbound-kill-'))
  const child = new Child([dataDir, String(port)])
  t.teardown(async () => {
    if (child.process.exitCode === null && child.process.signalCode === null) await child.end('SIGKILL')
    rmSync(dataDir, { recursive: true, force: true })
  })
  carrier.pauseAt = WINDOW
  await child.start()
  for (let kill = 1; kill <= KILLS; kill++) {
    carrier.pauseAt = Math.floor((pdus.length * kill) / (KILLS + 2))
    carrier.goOn()
    await carrier.answered(carrier.pauseAt)
    // These come while the process dies: before they are read, before they are durable, or before the answer goes out.
    carrier.goOn()
    if (kill > 1) await sleep(random.below(12))
    await child.end('SIGKILL')
    await child.start()
  }
  carrier.pauseAt = pdus.length
  carrier.goOn()
  await carrier.answered(pdus.length)
  let listed = await listOf(child)
  for (const end = performance.now() + 30_000; listed.length < MESSAGES && performance.now() < end; await sleep(50)) {
    listed = await listOf(child)
  }
  t.strictSame(listed.map(({ text }) => text).sort(), messages.map(({ text }) => text).sort(), 'each once')
  t.ok(
    listed.every(({ complete }) => complete),
    'and whole',
  )
  t.comment(`${pdus.length} PDUs, ${carrier.repeats} delivered again`)
  t.equal(await child.end('SIGTERM'), 0)
})
