/**
 * kill -9 of the engine while webhooks are delivered, with engine and carrier as processes of their own: everything that
 * becomes of a message arrives at least once, in order, and what comes again is what was under way.
 */
import t from 'tap'
import type { WebhookView } from '../src/engine/contract/webhook.js'
import { type Rig, startRig, timeout } from './acceptance-run.js'
import { Receiver } from './webhook-receiver.js'

t.setTimeout(timeout)

const ROWS = 3_000
const KILLS = 3

function put(rig: Rig, url: string): Promise<WebhookView> {
  return rig.client.put('/v1/webhooks/main', { url, events: ['messages.updated', 'job.updated'] })
}

/** States of each message in the order in which they came first. */
function firstStates(receiver: Receiver): Map<string, string[]> {
  const states = new Map<string, string[]>()
  for (const { id, state } of receiver.entries) {
    const known = states.get(id) ?? []
    states.set(id, known)
    if (!known.includes(state)) known.push(state)
  }
  return states
}

t.test('kills while events are delivered: none is missing', { timeout }, async (t) => {
  const receiver = await Receiver.start(t)
  const rig = await startRig(t, {
    smsc: ['--dlr-delay-ms', '20'],
    carrier: { ratePerSecond: 2_500, window: 100 },
    config: { webhooks: { allowPrivateAddresses: true } },
  })
  const endpoint = await put(rig, receiver.url)
  const recipients = Array.from({ length: ROWS }, (_, n) => `+4477123${String(40_000 + n).padStart(5, '0')}`)
  const job = await rig.client.post<{ id: string }>('/v1/jobs', { text: 'Hi', recipients, onUnanswered: 'resend' })
  for (let kill = 1; kill <= KILLS; kill++) {
    const wanted = Math.floor((ROWS * 2 * kill) / (KILLS + 2))
    await receiver.until(({ received, entries }) => entries.length >= wanted || received.length > 3_000)
    await rig.kill()
    await rig.start()
  }
  const counts = (await rig.finished(job.id)).counts
  t.equal(counts.delivered, ROWS)
  await receiver.until((seen) => {
    const ended = seen.entries.filter(({ final, job: of }) => final && of === job.id)
    return new Set(ended.map(({ id }) => id)).size === ROWS && seen.entries.some(({ state }) => state === 'finished')
  })
  const states = firstStates(receiver)
  t.same(states.get(job.id)?.at(-1), 'finished')
  states.delete(job.id)
  t.equal(states.size, ROWS)
  const strange = [...states].filter(([, list]) => list.join() !== 'sent,delivered')
  t.strictSame(strange.slice(0, 5), [], 'each message was sent and then delivered')
  receiver.verify(endpoint.secret)
  const repeated = receiver.entries.length - ROWS * 2 - 3
  t.comment(`${receiver.received.length} deliveries, ${repeated} entries came again over ${KILLS} kills`)
  const again = receiver.received.length - new Set(receiver.received.map(({ id }) => id)).size
  t.comment(`${again} deliveries came again under their id`)
})
