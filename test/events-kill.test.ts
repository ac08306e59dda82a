/**
 * kill -9 while events come, change and are canceled, and while rules change: of each version of an event at most one message
 * goes to each recipient of a rule, exactly one where the version stands and its moment has come, and none of what was
 * canceled or moved before it was handed over. Both ends are counted: what the carrier got, and what the API says.
 */
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { MessageView, Page } from '../src/engine/contract/api.js'
import type { EventView } from '../src/engine/contract/rule-events.js'
import { type Rig, seed, startRig, timeout } from './acceptance-run.js'
import { orKilled, post } from './rig-requests.js'

t.setTimeout(timeout)
const EVENTS = 20
const ROUNDS = 2
/** Requests about an event in a round, at most. */
const ACTS = 6
const LOOK_MS = 25
/** Name of a rule → how long after an event its message is due, in seconds. */
const rules = { one: 1, two: 2 }

interface Content {
  text: string
  atMs: number
  /** When something else in its place was acknowledged; Infinity: never. */
  replacedMs: number
}

/** What the client knows of an event: the last content that was acknowledged, or is in doubt. */
interface Model {
  id: string
  to: string
  contents: Content[]
  /** The last content that was answered; null: none was, or the event was canceled last. */
  current: string | null
  /** Contents whose request a kill swallowed: they may stand, or not. */
  doubtful: (string | null)[]
  /** Of the last content; each has a later one, so that none is of the same moment as another. */
  atMs: number
}

async function put(rig: Rig, path: string, body: object): Promise<void> {
  await rig.client.put(path, body)
}

t.test(`neither two nor none, whenever the engine is killed; seed ${seed}`, { timeout }, async (t) => {
  const random = new Random(seed)
  const rig = await startRig(t)
  for (const name of Object.keys(rules)) {
    await put(rig, `/v1/templates/${name}`, { text: `${name} ~content~` })
    await put(rig, `/v1/rules/${name}`, rule(name))
  }
  const models = Array.from({ length: EVENTS }, (_, index) => newModel(index))
  for (let round = 0; round < ROUNDS; round++) {
    // After so many answers, in the midst of further requests.
    const kill = new Countdown(EVENTS + random.below(3 * EVENTS))
    const acts = models.map((model) => several(rig, model, { random, kill }))
    if (round > 0) acts.push(orKilled(put(rig, '/v1/rules/one', { ...rule('one'), priority: 'high' })).then(() => {}))
    await Promise.race([kill.over, Promise.all(acts)])
    await rig.kill()
    await Promise.all(acts)
    await rig.start()
  }
  for (const model of models) if (model.doubtful.length > 0) await act(rig, model, random, true)
  for (const model of models) await check(t, rig, model)
  const { submits, repeats } = await rig.smsc.stats()
  const { delivered, unanswered } = await endsOf(rig, models)
  t.ok(submits - repeats >= delivered, 'all that was delivered was sent')
  t.ok(submits - repeats <= delivered + unanswered, 'nothing else was, but what a kill left unanswered')
})

function rule(name: string): object {
  const after = `${rules[name as keyof typeof rules]}s`
  return { event: 'visit', when: { after }, send: [{ channel: 'sms', template: name }] }
}

function newModel(index: number): Model {
  const to = `+4477124${String(10_000 + index)}`
  return { id: `event-${index}`, to, contents: [], current: null, doubtful: [], atMs: 0 }
}

/** Resolves when it was told so many times. */
class Countdown {
  readonly over: Promise<void>
  #left: number
  #end = (): void => {}

  constructor(left: number) {
    this.#left = left
    this.over = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  tell(): void {
    if (--this.#left === 0) this.#end()
  }
}

/** Requests about the event, one after the other, until a kill swallows an answer. */
async function several(rig: Rig, model: Model, { random, kill }: { random: Random; kill: Countdown }): Promise<void> {
  for (let left = ACTS; left > 0; left--) {
    const before = model.doubtful.length
    await act(rig, model, random)
    if (model.doubtful.length > before) return
    kill.tell()
  }
}

/** One request about the event; what becomes of it is noted. */
async function act(rig: Rig, model: Model, random: Random, mustAnswer = false): Promise<void> {
  const isCancel = model.contents.length > 0 && !mustAnswer && random.below(4) === 0
  const content = isCancel ? null : `${model.id}.${model.contents.length}`
  const body = { type: 'visit', id: model.id, to: model.to, data: { content: content ?? 'none' } }
  model.atMs = Math.max(model.atMs + 1, Date.now() + random.below(1_000))
  const at = new Date(model.atMs).toISOString()
  if (content !== null) model.contents.push({ text: content, atMs: model.atMs, replacedMs: Number.POSITIVE_INFINITY })
  const asked = isCancel
    ? post<EventView>(rig, `/v1/events/${model.id}/cancel`, {})
    : post<EventView>(rig, '/v1/events', { ...body, at })
  const answer = await orKilled(asked).catch(() => undefined)
  if (answer === undefined) return
  if (answer === null) {
    model.doubtful.push(content)
    return
  }
  for (const one of model.contents) if (one.text !== content) one.replacedMs = Math.min(one.replacedMs, Date.now())
  model.current = content
  model.doubtful = []
}

async function messagesOf(rig: Rig, id: string): Promise<MessageView[]> {
  return (await rig.client.get<Page<MessageView>>(`/v1/messages?clientReference=${id}&limit=100`)).items
}

/** All messages of the event are over: one of each rule for the content that stands, at most one for every other. */
async function check(t: Test, rig: Rig, model: Model): Promise<void> {
  let messages = await messagesOf(rig, model.id)
  while (messages.some(({ state }) => state !== 'delivered' && state !== 'canceled')) {
    await pause(LOOK_MS)
    messages = await messagesOf(rig, model.id)
  }
  const event = await rig.client.get<EventView>(`/v1/events/${model.id}`).catch(() => null)
  if (event === null) {
    t.equal(messages.length, 0)
    return
  }
  const standing = event.state === 'canceled' ? null : String(event.data.content)
  t.equal(standing, model.current, 'what was answered last stands')
  for (const content of model.contents) {
    for (const [rule, seconds] of Object.entries(rules)) {
      const text = `${rule} ${content.text}`
      const sent = messages.filter((message) => message.text === text && message.state === 'delivered').length
      const most = content.replacedMs < content.atMs + seconds * 1_000 ? 0 : 1
      if (content.text === standing) t.equal(sent, 1, `${text} stands`)
      else if (sent > most) t.fail(`${text} was sent ${sent} times`)
    }
  }
}

/** What was delivered, and what was canceled after it had been handed over without an answer. */
async function endsOf(rig: Rig, models: Model[]): Promise<{ delivered: number; unanswered: number }> {
  const messages = (await Promise.all(models.map(({ id }) => messagesOf(rig, id)))).flat()
  const delivered = messages.filter(({ state }) => state === 'delivered').length
  const canceled = messages.filter(({ state }) => state === 'canceled')
  const unanswered = canceled.filter(({ history }) => history.some(({ event }) => event === 'unanswered')).length
  return { delivered, unanswered }
}
