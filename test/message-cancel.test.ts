/**
 * POST /v1/messages/:id/cancel: what waits is canceled once and for all, what a carrier has is not, the money comes back, and
 * every other message of the same block goes out as if nothing had happened; also over restarts and kills.
 */
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { MessageAccepted, MessageView } from '../src/engine/contract/api.js'
import { seed, startRig, timeout } from './acceptance-run.js'
import { csvOf, type Harness, sendJob, startHarness, untilMessage, untilState } from './engine-harness.js'
import { orKilled, post } from './rig-requests.js'

t.setTimeout(timeout)
const LOOK_MS = 20
const prices = [{ channel: 'sms' as const, prefix: '44', price: 0.5 }]

/** Nothing leaves until the carrier goes on: what is done before does not race with the sending. */
async function pausedHarness(t: Test, options: Parameters<typeof startHarness>[0] = {}): Promise<Harness> {
  const harness = await startHarness(options)
  t.teardown(async () => {
    // A carrier that stands still would keep the stop waiting.
    await harness.server.engine.patchCarrier('sim', { paused: false })
    await harness.stop()
  })
  await harness.server.engine.patchCarrier('sim', { paused: true })
  return harness
}

function numberOf(index: number): string {
  return `+4477123${String(10_000 + index)}`
}

function inMs(ms: number): string {
  return new Date(Date.now() + ms).toISOString()
}

/** Messages to numbers of their own, in one call. */
async function submit({ server, principal }: Harness, count: number, sendAt?: string): Promise<string[]> {
  const messages = Array.from({ length: count }, (_, index) => ({ to: numberOf(index), text: 'Hi', sendAt }))
  return (await server.engine.submit(principal, messages)).map(({ id }) => id!)
}

async function statesOf({ server, principal }: Harness, ids: string[]): Promise<string[]> {
  const views = await Promise.all(ids.map((id) => server.engine.message(principal, id)))
  return views.map(({ state }) => state)
}

for (const [kind, sendAt] of [
  ['scheduled', () => inMs(1_500)],
  ['queued', () => undefined],
] as const) {
  t.test(
    `a ${kind} message is canceled for good and its money comes back; the others of its block go out`,
    async (t) => {
      const harness = await pausedHarness(t)
      const { principal } = harness
      await harness.server.engine.patchAccount('acme', { prices, currency: 'GBP', balance: 100 })
      const ids = await submit(harness, 5, sendAt())
      t.equal(harness.server.engine.account('acme').reserved, 2.5)
      const canceled = await harness.server.engine.cancelMessage(principal, ids[1]!)
      t.match(canceled, { id: ids[1], state: 'canceled', reason: 'CANCELED_BY_CUSTOMER' })
      t.match(canceled.history.at(-1), { event: 'canceled' })
      t.match(await harness.server.engine.cancelMessage(principal, ids[1]!), { state: 'canceled' }, 'asked twice')
      await harness.server.engine.cancelMessage(principal, ids[4]!)
      await harness.restart()
      const { engine } = harness.server
      t.equal((await engine.message(principal, ids[1]!)).state, 'canceled', 'after a restart')
      await engine.patchCarrier('sim', { paused: false })
      for (const index of [0, 2, 3]) await untilMessage(harness, ids[index]!, 'delivered')
      t.same(await statesOf(harness, ids), ['delivered', 'canceled', 'delivered', 'delivered', 'canceled'])
      t.equal(harness.smsc.stats().submits, 3)
      while (engine.account('acme').reserved > 0) await pause(LOOK_MS)
      t.match(engine.account('acme'), { balance: 98.5, spent: 1.5, reserved: 0 })
      await t.rejects(engine.cancelMessage(principal, ids[0]!), { code: 'WRONG_STATE' }, 'a carrier has it')
      await t.rejects(engine.cancelMessage(principal, 'msg_00000000000'), { code: 'NOT_FOUND' })
    },
  )
}

t.test(
  'a block whose messages are all canceled leaves the queue, and a message of a year ahead is canceled too',
  async (t) => {
    const harness = await pausedHarness(t)
    const { server, principal } = harness
    const ids = await submit(harness, 3, inMs(365 * 86_400_000))
    for (const id of ids) t.match(await server.engine.cancelMessage(principal, id), { state: 'canceled' })
    const { body } = await server.engine.metrics()
    t.notMatch(body, /trunkline_queue_depth\{[^}]*\} [1-9]/)
    await harness.restart()
    t.same(await statesOf(harness, ids), ['canceled', 'canceled', 'canceled'])
  },
)

t.test(
  'messages of a job are canceled one by one: its counts add up, it ends, and canceling it takes the rest',
  async (t) => {
    const harness = await pausedHarness(t)
    const { server, principal } = harness
    const idsOf = async (job: string) =>
      (await server.engine.jobMessages(principal, job, { limit: 100 })).items.map(({ id }) => id)
    const whole = await sendJob(
      harness,
      { text: 'Hi ~name~', columns: { to: 'to' }, sendAt: inMs(3_600_000) },
      csvOf(4),
    )
    await untilState(harness, whole.id, ['scheduled'])
    for (const id of await idsOf(whole.id)) await server.engine.cancelMessage(principal, id)
    t.match((await untilState(harness, whole.id, ['finished'])).counts, { accepted: 4, canceled: 4 })

    const some = await sendJob(harness, { text: 'Hi ~name~', columns: { to: 'to' }, sendAt: inMs(3_600_000) }, csvOf(6))
    await untilState(harness, some.id, ['scheduled'])
    const ids = await idsOf(some.id)
    await server.engine.cancelMessage(principal, ids[2]!)
    await server.engine.cancelMessage(principal, ids[3]!)
    await server.engine.cancelJob(principal, some.id)
    while ((await untilState(harness, some.id, ['canceled'])).counts.canceled < 6) await pause(LOOK_MS)
    t.ok((await statesOf(harness, ids)).every((state) => state === 'canceled'))
    const draft = await sendJob(harness, { text: 'Hi', columns: { to: 'to' }, review: true }, csvOf(1))
    const [one] = await idsOf(draft.id)
    await t.rejects(server.engine.cancelMessage(principal, one!), { code: 'WRONG_STATE' }, 'its job has not begun')
  },
)

t.test(
  'what waits for a time of its own, or its morning, leaves the count of what is scheduled when it is canceled',
  async (t) => {
    const harness = await pausedHarness(t)
    const { server, principal } = harness
    const text = 'Hi'
    const rows = [1, 2, 3].map((row) => `+447712345${row}00,${inMs(3_600_000)}`)
    const timed = Buffer.from(`to,at\n${rows.join('\n')}\n`)
    const tomorrow = new Date(Date.now() + 2 * 86_400_000).getUTCDay()
    const days = [(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const)[tomorrow]!]
    const jobs = [
      await sendJob(harness, { text, columns: { to: 'to', sendAt: 'at' } }, timed),
      await sendJob(
        harness,
        { text, columns: { to: 'to' }, window: { days, from: '00:01', to: '23:59', timeZone: 'recipient' } },
        csvOf(3),
      ),
    ]
    for (const { id } of jobs) {
      while (server.engine.job(principal, id).counts.scheduled < 3) await pause(LOOK_MS)
      const { items } = await server.engine.jobMessages(principal, id, { limit: 100 })
      await server.engine.cancelMessage(principal, items[1]!.id)
      const counted = (count: number) => {
        const { counts } = server.engine.job(principal, id)
        return counts.canceled === count && counts.scheduled === 3 - count
      }
      while (!counted(1)) await pause(LOOK_MS)
      for (const index of [0, 2]) await server.engine.cancelMessage(principal, items[index]!.id)
      const { counts } = await untilState(harness, id, ['finished'])
      t.match(counts, { accepted: 3, scheduled: 0, canceled: 3 })
    }
  },
)

t.test(
  `kill -9 among cancels: an acknowledged one is never sent, all others are; seed ${seed}`,
  { timeout },
  async (t) => {
    const random = new Random(seed)
    const rig = await startRig(t)
    const canceled = new Set<string>()
    const ids: string[] = []
    for (let round = 0; round < 3; round++) {
      const messages = Array.from({ length: 40 }, (_, index) => ({
        to: numberOf(round * 100 + index),
        text: `Hi ${round} ${index}`,
        sendAt: inMs(random.below(4_000)),
      }))
      // However slow the machine is, one cancel a round is acknowledged before the kill.
      messages.push({ to: numberOf(round * 100 + 99), text: 'Never', sendAt: inMs(3_600_000) })
      const { items } = await post<{ items: MessageAccepted[] }>(rig, '/v1/messages', { messages })
      ids.push(...items.map(({ id }) => id!))
      await cancel(items.at(-1)!.id!)
      const some = items.slice(0, -1).filter(() => random.below(2) === 0)
      const asked = some.map(({ id }) => cancel(id!))
      await pause(random.below(60))
      await rig.kill()
      await Promise.all(asked)
      await rig.start()
    }
    async function cancel(id: string): Promise<void> {
      const view = await orKilled(post<MessageView>(rig, `/v1/messages/${id}/cancel`, {})).catch(() => null)
      if (view?.state === 'canceled') canceled.add(id)
    }
    const ended = new Map<string, string>()
    while (ended.size < ids.length) {
      for (const id of ids) {
        const { state } = await rig.client.get<MessageView>(`/v1/messages/${id}`)
        if (state === 'delivered' || state === 'canceled') ended.set(id, state)
      }
      await pause(LOOK_MS)
    }
    for (const id of canceled) if (ended.get(id) !== 'canceled') t.fail(`${id} was canceled and is ${ended.get(id)}`)
    const delivered = [...ended.values()].filter((state) => state === 'delivered').length
    const { submits, repeats } = await rig.smsc.stats()
    t.equal(submits - repeats, delivered, 'both ends agree')
    t.ok(canceled.size >= 3, 'one a round at least')
  },
)
