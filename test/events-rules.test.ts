/** Rules and events over HTTP against a simulated carrier: the examples of the documentation, end to end. */
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { MessageView } from '../src/engine/contract/api.js'
import type { EventOutcome, EventView } from '../src/engine/contract/rule-events.js'
import { timeout } from './acceptance-run.js'
import { type Harness, startHarness } from './engine-harness.js'
import { type Answer, send } from './http-engine.js'

t.setTimeout(timeout)
const LOOK_MS = 20
const HOUR = 3_600_000
const client = '+447712345001'

class World {
  readonly harness: Harness
  readonly #key: string

  constructor(harness: Harness, key: string) {
    this.harness = harness
    this.#key = key
  }

  call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return send(this.harness.server.url + path, method, { key: this.#key, body: body as object, headers })
  }

  async event(body: object): Promise<EventView> {
    const { status, json, text } = await this.call('POST', '/v1/events', body)
    if (status !== 202) throw new Error(text)
    return json
  }

  async look(id: string): Promise<EventView> {
    return (await this.call('GET', `/v1/events/${encodeURIComponent(id)}`)).json
  }

  /** The event, once all its messages came to this state. */
  async until(id: string, state: string): Promise<EventView> {
    for (;;) {
      const view = await this.look(id)
      if (view.messages.every((message) => message.state === state)) return view
      await pause(LOOK_MS)
    }
  }

  async message(id: string | null): Promise<MessageView> {
    return (await this.call('GET', `/v1/messages/${id}`)).json
  }
}

async function makeWorld(t: Test, account: object = {}): Promise<World> {
  const harness = await startHarness()
  t.teardown(() => harness.stop())
  const { url, adminKey, engine } = harness.server
  await engine.patchAccount('acme', { features: { email: true }, timeZone: 'Europe/London', ...account })
  const { json } = await send(`${url}/v1/accounts/acme/keys`, 'POST', { key: adminKey, body: {} })
  const world = new World(harness, json.key)
  const texts = {
    reminder: 'Hi ~name~, you see ~doctor~ on ~date~ at ~time~',
    basket: 'You left ~items~ behind',
    welcome: 'Welcome ~name|you~',
    staff: '~name~ has come',
  }
  for (const [name, text] of Object.entries(texts)) await world.call('PUT', `/v1/templates/${name}`, { text })
  return world
}

function inMs(ms: number): string {
  return new Date(Date.now() + ms).toISOString()
}

function states(messages: EventOutcome[]): (string | null | undefined)[] {
  return messages.map(({ state, reason }) => state ?? reason)
}

t.test('an appointment is told of a day before; it moves, is canceled, and the same again is one', async (t) => {
  const world = await makeWorld(t)
  const rule = { event: 'appointment', when: { before: '24h' }, send: [{ channel: 'sms', template: 'reminder' }] }
  const made = await world.call('PUT', '/v1/rules/reminder', rule)
  t.match(made, { status: 200, json: { name: 'reminder', ...rule, recipients: ['client'], late: 'send' } }, made.text)
  const event = {
    ...{ type: 'appointment', id: 'APPT 17', at: inMs(72 * HOUR), to: client },
    data: { name: 'Ann', doctor: 'Dr. Who' },
  }
  const first = await world.event(event)
  t.match(first, { id: 'APPT 17', state: 'scheduled', version: 1, to: { number: client, email: null } })
  t.match(first.messages, [{ rule: 'reminder', channel: 'sms', recipient: client, state: 'scheduled', reason: null }])
  const dueMs = Date.parse(event.at) - 24 * HOUR
  t.equal(Date.parse(first.messages[0]!.due!), dueMs)
  const again = await world.event(event)
  t.same(again, first, 'the same id twice is one')
  const listed = await world.call('GET', `/v1/messages?to=${encodeURIComponent(client)}`)
  t.match(listed.json.items, [{ id: first.messages[0]!.message, state: 'scheduled', clientReference: 'APPT 17' }])
  t.equal(listed.json.items.length, 1)

  const moved = await world.event({ ...event, at: inMs(24 * HOUR + 1_500), data: { name: 'Ann', doctor: 'Dr. No' } })
  t.match(moved, { version: 2, messages: [{ state: 'scheduled', version: 2 }], earlier: [] })
  t.match(await world.message(first.messages[0]!.message), { state: 'canceled', reason: 'CANCELED_BY_CUSTOMER' })
  const told = await world.until('APPT 17', 'delivered')
  t.equal(told.state, 'done')
  t.match(
    (await world.message(told.messages[0]!.message)).text,
    /^Hi Ann, you see Dr\. No on \d{4}-\d\d-\d\d at \d\d:\d\d$/,
  )
  t.equal(world.harness.smsc.stats().submits, 1, 'the version before was never sent')

  const renamed = await world.event({ ...event, at: moved.at, data: { name: 'Anne', doctor: 'Dr. No' } })
  t.match(renamed, {
    version: 3,
    messages: [{ message: null, reason: 'ALREADY_SENT' }],
    earlier: [{ state: 'delivered' }],
  })
  const later = await world.event({ ...event, at: inMs(96 * HOUR) })
  t.match(
    later,
    { version: 4, state: 'scheduled', messages: [{ state: 'scheduled' }] },
    'another moment is told of again',
  )
  const canceled = await world.call('POST', '/v1/events/APPT%2017/cancel')
  t.match(canceled, { status: 200, json: { state: 'canceled', messages: [{ state: 'canceled' }] } }, canceled.text)
  t.equal((await world.call('DELETE', '/v1/events/APPT%2017')).status, 204, 'idempotent')
  const anew = await world.event({ ...event, at: inMs(96 * HOUR) })
  t.match(anew, { state: 'scheduled', messages: [{ state: 'scheduled' }] }, 'it takes place after all')
  t.match(await world.event({ ...event, canceled: true }), { state: 'canceled' })
  t.equal((await world.call('GET', '/v1/events/APPT%2099')).status, 404)
  t.equal((await world.call('DELETE', '/v1/events/APPT%2099')).status, 404)
})

t.test('a basket is asked for after two hours unless it was bought; who registers is welcomed at once', async (t) => {
  const world = await makeWorld(t)
  await world.call('PUT', '/v1/rules/basket', {
    event: 'basket',
    when: { after: '2h' },
    send: [{ template: 'basket' }],
  })
  await world.call('PUT', '/v1/rules/welcome', {
    event: 'registered',
    when: 'at once',
    send: [{ template: 'welcome' }],
  })
  const basket = { type: 'basket', id: 'b-1', at: inMs(1_000 - 2 * HOUR), to: client, data: { items: 'three books' } }
  t.match(await world.event(basket), { messages: [{ state: 'scheduled' }] })
  await world.until('b-1', 'delivered')
  const bought = { ...basket, id: 'b-2', at: undefined }
  t.match(await world.event(bought), { state: 'scheduled', messages: [{ state: 'scheduled' }] })
  t.match(await world.event({ ...bought, canceled: true }), { messages: [{ state: 'canceled' }] })
  t.match(await world.event({ type: 'registered', id: 'r-1', to: client, data: {} }), {
    messages: [{ state: 'queued' }],
  })
  const welcome = await world.until('r-1', 'delivered')
  t.equal((await world.message(welcome.messages[0]!.message)).text, 'Welcome you')
  const changed = await world.event({ type: 'registered', id: 'r-1', to: client, data: { name: 'Ann' } })
  t.match(changed, { messages: [{ reason: 'ALREADY_SENT' }] }, 'welcomed once, whatever changes')
  t.equal(world.harness.smsc.stats().submits, 2)
})

t.test('several rules are about one type: each activity moves the three of them', async (t) => {
  const world = await makeWorld(t)
  for (const [name, after] of Object.entries({ idle: '1h', warning: '20h', deleted: '24h' })) {
    await world.call('PUT', `/v1/rules/${name}`, { event: 'active', when: { after }, send: [{ template: 'welcome' }] })
  }
  const event = { type: 'active', id: 'user-7', to: client, data: { name: 'Ann' } }
  const made: EventView[] = []
  for (let step = 0; step < 5; step++) made.push(await world.event({ ...event, at: inMs(step * 1_000) }))
  const last = made.at(-1)!
  t.same(states(last.messages), ['scheduled', 'scheduled', 'scheduled'])
  const dues = last.messages.map(({ rule, due }) => [rule, (Date.parse(due!) - Date.parse(last.at)) / HOUR])
  t.same(dues, [
    ['deleted', 24],
    ['idle', 1],
    ['warning', 20],
  ])
  const { json } = await world.call('GET', '/v1/messages?clientReference=user-7&limit=100')
  const counted = json.items.map(({ state }: MessageView) => state)
  t.equal(counted.filter((state: string) => state === 'scheduled').length, 3)
  t.equal(counted.filter((state: string) => state === 'canceled').length, 12)
})

t.test('staff hears of it as well as the client, and the view says why nothing was made', async (t) => {
  const world = await makeWorld(t)
  await world.call('PUT', '/v1/contacts/+447712345002', { attributes: { name: 'Bob' }, tags: ['vip'] })
  const rules = {
    arrived: {
      ...{ event: 'arrived', when: 'at once', send: [{ template: 'staff' }] },
      recipients: [{ number: '+447712345900' }, { field: 'doctorPhone' }, 'client'],
    },
    vip: {
      event: 'arrived',
      when: 'at once',
      send: [{ template: 'staff' }],
      if: { all: [{ field: 'tags', value: 'vip' }] },
    },
    big: {
      ...{ event: 'arrived', when: 'at once', send: [{ template: 'nowhere' }] },
      if: { any: [{ field: 'data.amount', op: '>', value: 100 }] },
    },
    late: { event: 'arrived', when: { before: '1h' }, send: [{ template: 'staff' }], late: 'skip' },
    off: { event: 'arrived', when: 'at once', send: [{ template: 'staff' }], enabled: false },
  }
  for (const [name, rule] of Object.entries(rules)) {
    t.match(await world.call('PUT', `/v1/rules/${name}`, rule), { status: 200 })
  }
  const data = { doctorPhone: '+447712345901', amount: '150' }
  const bob = await world.event({ type: 'arrived', id: 'a-1', to: '+447712345002', data })
  const said = bob.messages.map(({ rule, recipient, state, reason }) => [rule, recipient, state ?? reason])
  t.same(said, [
    ['arrived', '+447712345900', 'queued'],
    ['arrived', '+447712345901', 'queued'],
    ['arrived', '+447712345002', 'queued'],
    ['big', '+447712345002', 'TEMPLATE_UNKNOWN'],
    ['late', '+447712345002', 'TOO_LATE'],
    ['vip', '+447712345002', 'queued'],
  ])
  const { messages } = await world.look('a-1')
  t.equal((await world.message(messages[0]!.message)).text, 'Bob has come', 'attributes of the contact fill labels')
  await world.call('PUT', '/v1/suppressions/+447712345003', {})
  const eve = await world.event({ type: 'arrived', id: 'a-2', to: '07712 345003', data: { name: 'Eve', amount: 3 } })
  t.match(eve.messages.slice(1), [
    { rule: 'arrived', recipient: null, reason: 'MISSING_NUMBER' },
    { rule: 'arrived', recipient: '+447712345003', reason: 'SUPPRESSED' },
    { rule: 'big', reason: 'CONDITION_NOT_MET' },
    { rule: 'late', reason: 'TOO_LATE' },
    { rule: 'vip', reason: 'CONDITION_NOT_MET' },
  ])
})
