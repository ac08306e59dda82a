/**
 * Events in lists and in bulk, what money and hours do to their messages, messages that come back from a carrier after their
 * event was changed, and what is kept over restarts.
 */
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { EventRequest, EventView, RuleSettings } from '../src/engine/contract/rule-events.js'
import type { SmscOptions } from '../src/smpp/simulator/smsc-options.js'
import { timeout } from './acceptance-run.js'
import { type Harness, startHarness } from './engine-harness.js'

t.setTimeout(timeout)
const HOUR = 3_600_000
const LOOK_MS = 20
const prices = [{ channel: 'sms' as const, prefix: '44', price: 1 }]

async function harnessOf(
  t: Test,
  rules: Record<string, RuleSettings>,
  smsc: Partial<SmscOptions> = {},
): Promise<Harness> {
  const harness = await startHarness({ smsc })
  t.teardown(() => harness.stop())
  const { server, principal } = harness
  await server.engine.templates.put(principal, 'text', { text: 'Hi ~name~' })
  for (const [name, rule] of Object.entries(rules)) await server.engine.rules.put(principal, name, rule)
  return harness
}

function numbered(index: number, more: Partial<EventRequest> = {}): EventRequest {
  return { type: 'visit', id: `v-${index}`, to: `+4477125${10_000 + index}`, data: { name: `N${index}` }, ...more }
}

const after: RuleSettings = { event: 'visit', when: { after: '24h' }, send: [{ template: 'text' }] }

t.test(
  'three hundred in one request are each by itself, and the list finds them by type and state, page by page',
  async (t) => {
    const harness = await harnessOf(t, { after })
    const { server, principal } = harness
    const many = Array.from({ length: 300 }, (_, index) => numbered(index, index % 10 === 0 ? { type: 'other' } : {}))
    many[7] = numbered(7, { at: 'tomorrow' })
    many.push(numbered(3))
    await t.rejects(server.engine.events.putAll(principal, new Array(1_001).fill(many[0])), { code: 'TOO_LARGE' })
    const answers = await server.engine.events.putAll(principal, many)
    t.equal(answers.length, 301)
    t.match(answers[7], { id: 'v-7', code: 'VALIDATION' })
    t.match(answers[3], { id: 'v-3', version: 1, messages: [{ state: 'scheduled' }] })
    t.match(answers.at(-1), { id: 'v-3', version: 1 }, 'the same once more')
    await harness.restart()
    const { events } = harness.server.engine
    const found: string[] = []
    for (let cursor: string | undefined; ; ) {
      const page = await events.list(principal, { limit: 50, cursor, type: 'visit', state: 'scheduled' })
      found.push(...page.items.map(({ id }) => id))
      if (page.nextCursor === null) break
      cursor = page.nextCursor
    }
    t.equal(found.length, 269)
    t.equal(new Set(found).size, 269)
    const others = await events.list(principal, { limit: 200, type: 'other', state: 'done' })
    t.equal(others.items.length, 30, 'nothing is to come of an event without rules')
    t.same((await events.list(principal, { limit: 10, state: 'canceled' })).items, [])
    await t.rejects(events.list(principal, { limit: 10, cursor: 'x' }), { code: 'VALIDATION' })
  },
)

t.test(
  'money is reserved for each message, comes back with a cancel, and one that it does not cover says so',
  async (t) => {
    const harness = await harnessOf(t, { after, again: { ...after, when: { after: '48h' } } })
    const { server, principal } = harness
    const { engine } = server
    await engine.patchAccount('acme', { prices, currency: 'GBP', balance: 3 })
    t.match((await engine.events.put(principal, numbered(1))).messages, [
      { state: 'scheduled' },
      { state: 'scheduled' },
    ])
    const second = await engine.events.put(principal, numbered(2))
    t.match(second.messages, [{ state: 'scheduled' }, { message: null, reason: 'INSUFFICIENT_BALANCE' }])
    t.match(engine.account('acme'), { balance: 0, reserved: 3 })
    await engine.events.cancel(principal, 'v-1')
    while (engine.account('acme').reserved > 1) await pause(LOOK_MS)
    t.match(engine.account('acme'), { balance: 2, reserved: 1, spent: 0 })
    const changed = await engine.events.put(principal, numbered(2, { data: { name: 'Zoe' } }))
    t.match(changed.messages, [{ state: 'scheduled' }, { state: 'scheduled' }])
  },
)

t.test('a window holds its messages back, in a job of their own; others go', async (t) => {
  const hour = new Date(Date.now() + 3 * HOUR).getUTCHours()
  const window = { from: `${hour}:00`, to: `${hour}:59`, timeZone: 'UTC' }
  const now: RuleSettings = { ...after, when: 'at once' }
  const harness = await harnessOf(t, { held: { ...now, window }, now })
  const { server, principal } = harness
  await server.engine.events.put(principal, numbered(1))
  let view: EventView
  do {
    view = await server.engine.events.get(principal, 'v-1')
    await pause(LOOK_MS)
  } while (view.messages[1]!.state !== 'delivered')
  t.match(view.messages, [{ rule: 'held', state: 'scheduled' }, { rule: 'now' }])
  t.match(await server.engine.events.cancel(principal, 'v-1'), {
    messages: [{ state: 'canceled' }, { state: 'delivered' }],
  })
})

t.test('what a carrier gives back after its event was canceled is canceled then', async (t) => {
  const slow = { latencyMs: 500, faults: 'throttle=1' }
  const harness = await harnessOf(t, { now: { ...after, when: 'at once' } }, slow)
  const { server, smsc, principal } = harness
  const { messages } = await server.engine.events.put(principal, numbered(1))
  await smsc.waitFor(({ submits }) => submits > 0)
  const canceled = await server.engine.events.cancel(principal, 'v-1')
  t.match(canceled, { state: 'canceled' })
  while ((await server.engine.message(principal, messages[0]!.message!)).state !== 'canceled') await pause(LOOK_MS)
  t.equal(smsc.stats().receiptsSent, 0)
})

t.test('rules say what is wrong with them, field by field', async (t) => {
  const harness = await harnessOf(t, {})
  const { server, principal } = harness
  const wrong = {
    ...{
      event: 'visit',
      when: { before: '24 hours', at: '9' },
      send: [{ template: 'text', from: 'much too long a sender' }],
    },
    ...{ recipients: [{ field: 'a', number: '1' }, 'staff'], late: { within: 'soon' }, window: { from: '9', to: '9' } },
    if: { all: [{ field: 'weather', value: 'fine' }] },
  } as unknown as RuleSettings
  const error = await server.engine.rules.put(principal, 'wrong', wrong).catch((error: unknown) => error)
  const { fields } = error as { fields: { pointer: string }[] }
  const pointers = ['/when/before', '/when/at', '/send/0/from', '/recipients/0', '/recipients/1', '/late/within']
  t.same(
    fields.map(({ pointer }) => pointer),
    [...pointers, '/window/from', '/window/to', '/if/all/0/field'],
  )
  const bad = { type: ' x', id: 'a/b', at: 'now', to: '1' }
  await t.rejects(server.engine.events.put(principal, bad), {
    code: 'VALIDATION',
    fields: [{ pointer: '/id' }, {}, {}],
  })
})
