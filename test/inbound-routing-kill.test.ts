/** kill -9 between messages and their replies: the same reply goes to the same account before and after. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { InboundView } from '../src/engine/contract/inbound.js'
import { Child } from './engine-process.js'
import { type NpmSession, startPeer } from './peer-support.js'
import { seed } from './seed.js'

const ROUNDS = 2
const NUMBERS = 12
const SENDER = '447710900500'

/** A carrier that takes everything, and whose subscribers write when the test wants it. */
class Phones {
  #session: NpmSession | null = null
  #onBind: (session: NpmSession) => void = () => {}
  #next = 1

  bound(session: NpmSession): void {
    this.#session = session
    this.#onBind(session)
  }

  submitted(session: NpmSession, answer: (id: string) => void): void {
    if (session === this.#session) answer(`m${this.#next++}`)
  }

  async #bound(): Promise<NpmSession> {
    if (this.#session !== null) return this.#session
    return await new Promise((resolve) => {
      this.#onBind = resolve
    })
  }

  broke(session: NpmSession): void {
    if (session === this.#session) this.#session = null
  }

  /** Resolves when it is answered with ESME_ROK. Not repeated where the connection breaks off. */
  async reply(from: string, text: string): Promise<void> {
    const session = await this.#bound()
    const addresses = { source_addr: from, source_addr_ton: 1, destination_addr: SENDER, dest_addr_ton: 1 }
    await new Promise<void>((resolve) => {
      session.deliver_sm({ ...addresses, short_message: text }, () => resolve())
    })
  }
}

t.test('after each of several kills the last writer is who it was', async (t) => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'trunkline-lock-kill-'))
  const phones = new Phones()
  const port = await startPeer(t, (session) => {
    session.on('bind_transceiver', () => phones.bound(session))
    session.on('close', () => phones.broke(session))
    session.on('submit_sm', (pdu) =>
      phones.submitted(session, (message_id) => session.send(pdu.response({ message_id }))),
    )
  })
  const child = new Child([dataDir, String(port)])
  t.teardown(async () => {
    await child.end('SIGKILL')
    rmSync(dataDir, { recursive: true, force: true })
  })
  await child.start()
  const keys = new Map<string, string>()
  for (const id of ['red', 'green']) {
    const made = await child.call('POST', '/v1/accounts', child.adminKey, { id, defaultCountry: 'GB' })
    keys.set(id, made.key as string)
  }
  const random = new Random(seed)
  const last = new Map<string, { account: string; id: string }>()
  const expected: object[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const waiting: { account: string; id: string }[] = []
    for (let n = 0; n < NUMBERS; n++) {
      if (random.below(3) === 0) continue
      const account = random.below(2) === 0 ? 'red' : 'green'
      const number = `4477101000${n + 10}`
      const body = { from: `+${SENDER}`, to: `+${number}`, text: `round ${round}` }
      const { id } = await child.call('POST', '/v1/messages', keys.get(account)!, body)
      last.set(number, { account, id: id as string })
      waiting.push({ account, id: id as string })
    }
    // Some are sent and answered, some are under way, some wait.
    await child.end('SIGKILL')
    await child.start()
    for (const { account, id } of waiting) {
      while ((await child.call('GET', `/v1/messages/${id}`, keys.get(account)!)).state !== 'sent')
        await new Promise((resolve) => setTimeout(resolve, 20))
    }
    for (const [number] of last) await phones.reply(number, `${round} from ${number}`)
    expected.push(
      ...[...last].map(([number, { account, id }]) => ({ from: `+${number}`, account, reply: { message: id } })),
    )
  }
  const before = await listed(child, expected.length)
  t.match(before, expected, `seed ${seed}`)
  // What nobody has read yet is routed by what was known when it came.
  for (const [number] of last) await phones.reply(number, `again from ${number}`)
  await child.end('SIGKILL')
  await child.start()
  const all = await listed(child, before.length + last.size)
  t.strictSame(all.slice(0, before.length), before, 'what was routed stays as it was')
  t.match(
    all.slice(before.length),
    [...last].map(([number, { account, id }]) => ({ from: `+${number}`, account, reply: { message: id } })),
  )
  for (const [account, key] of keys) {
    const { items } = await child.call('GET', '/v1/inbound?limit=200', key)
    const own = all.filter((item) => item.account === account)
    t.strictSame(
      (items as InboundView[]).map(({ id }) => id).reverse(),
      own.map(({ id }) => id),
    )
  }
})

/** From the oldest, once there are so many; the time limit of the test ends it. */
async function listed(child: Child, count: number): Promise<InboundView[]> {
  for (;;) {
    const { items } = await child.call('GET', '/v1/inbound?limit=200', child.adminKey)
    if ((items as InboundView[]).length >= count) return (items as InboundView[]).reverse()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
