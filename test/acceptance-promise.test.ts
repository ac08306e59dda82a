/** What an answer of the API or the policy `hold` promises holds after a kill -9 of the engine (reliability.md P1, P2). */
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { makeRecipients } from '../scripts/make-recipients.js'
import { Random } from '../src/engine/base/random.js'
import { seed, startRig, timeout } from './acceptance-run.js'

t.setTimeout(timeout)

const window = 50
const binds = 2
const unknownPerKill = binds * (window + window)
const random = new Random(seed)
const text = 'Hi ~name~, your appointment with Dr Brown in Park Street is on ~appointment~. Reply YES.'

t.test('what was answered with 202 is there after a kill', { timeout }, async (t) => {
  const rig = await startRig(t, { carrier: { window, binds } })
  const file = path.join(rig.folder, 'recipients.csv')
  const made = await makeRecipients(file, 3_000, seed)
  const small = await rig.createJob({ from: 'ACME', text, columns: { to: 'mobile' } })
  t.equal(await rig.upload(small, file), 202, 'a small file')
  await rig.kill()
  await rig.start()
  const recipients = Array.from({ length: 50 }, (_, n) => ({ to: `+44740000${1000 + n}` }))
  const inline = await rig.createJob({ from: 'ACME', text: 'Hello there', recipients })
  await rig.kill()
  await rig.start()
  const messages = recipients.map(({ to }) => ({ to, from: 'ACME', text: 'One by one' }))
  const singles = await rig.client.post<{ items: { id: string }[] }>('/v1/messages', { messages })
  await rig.kill()
  await rig.start()

  t.match((await rig.finished(small)).counts, { rows: 3_000, delivered: 3_000 - made.bad - made.duplicates })
  t.match((await rig.finished(inline)).counts, { rows: 50, delivered: 50 })
  t.equal(singles.items.length, 50)
  for (const { id } of singles.items) await rig.untilDelivered(id)
})

t.test(
  `hold: after kills nothing is repeated and what is in doubt is unknown; seed ${seed}`,
  { timeout },
  async (t) => {
    const kills = 3
    const rig = await startRig(t, {
      smsc: ['--dlr-delay-ms', '50', '--latency-ms', '2', '--window', String(window)],
      carrier: { window, binds },
    })
    const file = path.join(rig.folder, 'recipients.csv')
    const made = await makeRecipients(file, 15_000, seed)
    const id = await rig.createJob({ from: 'ACME', text, columns: { to: 'mobile' }, onUnanswered: 'hold' })
    t.equal(await rig.upload(id, file), 202)
    for (let kill = 0; kill < kills; kill++) {
      const share = 0.1 + 0.25 * kill
      await rig.until(id, ({ counts }) => counts.parts > 0 && counts.partsSent >= share * counts.parts)
      await pause(random.below(60))
      await rig.kill()
      await rig.start()
    }
    const { counts } = await rig.finished(id)
    const { repeats, distinct } = await rig.smsc.stats()
    const accepted = made.rows - made.bad - made.duplicates
    t.equal(repeats, 0, 'nothing twice')
    t.equal(counts.delivered + counts.unknown, accepted, `${counts.unknown} unknown`)
    t.ok(counts.unknown > 0 && counts.unknown <= kills * unknownPerKill, 'no more in doubt than window and cap')
    t.ok(
      distinct <= counts.parts && distinct >= counts.partsSent,
      `${distinct} of ${counts.parts} parts at the carrier`,
    )
  },
)
