/** Throttling as carriers do it: lines 59 and 75 of carriers.md, against npm smpp as the carrier. */
import t, { type Test } from 'tap'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { COMMAND } from '../src/smpp/constants.js'
import { type NpmPdu, numberOf, startEngine, startJob, startPeer, untilMessages } from './peer-support.js'
import { rawCarrier, responseTo } from './smpp-raw.js'
import { carrierConfig, outgoing, RecordingSink, startChannel } from './smpp-support.js'

/** Reference and number of a part. */
function partOf(pdu: NpmPdu): [number, number] {
  const [header] = [pdu.short_message.udh].flat() as [Buffer | undefined]
  return header === undefined ? [-1, 0] : [header[2]!, header[4]!]
}

t.test('quirk 59: a part that is throttled goes again alone, in its place, and its receipt is joined', async (t) => {
  const seen: { text: string; reference: number; part: number; refused: boolean }[] = []
  let refused = false
  const port = await startPeer(t, (session) => {
    session.on('submit_sm', (pdu) => {
      const [reference, part] = partOf(pdu)
      const isRefused = part === 2 && !refused
      refused ||= isRefused
      seen.push({ text: String(pdu.short_message.message).slice(0, 5), reference, part, refused: isRefused })
      if (isRefused) return session.send(pdu.response({ command_status: 0x58 }))
      const message_id = `id${seen.length}`
      session.send(pdu.response({ message_id }))
      session.deliver_sm({ esm_class: 4, receipted_message_id: message_id, message_state: 2, short_message: '' })
    })
  })
  const peers = await startEngine(t, [{ id: 'peer', port, window: 5 }])
  const to = numberOf(1, 1)
  const rows = [
    { to, text: `first${'a'.repeat(400)}` },
    { to, text: 'later' },
  ]
  const job = await startJob(peers, { deduplicate: false }, rows)
  const messages = await untilMessages(
    peers,
    job,
    (all) => all.length === 2 && all.every(({ state }) => state === 'delivered'),
  )
  t.ok(
    messages.every(({ state }) => state === 'delivered'),
    'no message fails by throttling, and receipts find them',
  )
  const long = seen.filter(({ part }) => part > 0)
  t.equal(new Set(long.map(({ reference }) => reference)).size, 1, 'all under one reference')
  t.strictSame(long.map(({ part }) => part).sort(), [1, 2, 2, 3], 'only the refused part went again')
  t.ok(
    seen.findIndex(({ text }) => text === 'later') > seen.findIndex((each) => each.part === 2 && !each.refused),
    'and what comes after it waited',
  )
})

/** Outcome of a submit that is answered with each of these statuses, each on a carrier of its own. */
async function outcomesOf(t: Test, statuses: number[], change: object): Promise<number[]> {
  const codes: number[] = []
  for (const status of statuses) {
    const port = await rawCarrier(t, (pdu, socket) => {
      if (pdu.command === COMMAND.submitSm) socket.write(responseTo(pdu, status))
    })
    const { channel, sink, run } = startChannel(carrierConfig({ port, ...change }), new RecordingSink())
    t.teardown(() => channel.drain(0))
    let sent = false
    const next = () => {
      if (sent) return null
      sent = true
      return outgoing(1, '447712345678', ['text'])
    }
    await run(next, () => sink.settlements.length === 1)
    codes.push(sink.settlements[0]!.code)
  }
  return codes
}

t.test(
  'quirk 75: 0x58, 0x14 and the codes of vendors slow the carrier, and the config says which those are',
  async (t) => {
    const { throttled, rejected } = OUTCOME
    const statuses = [0x58, 0x14, 0x400, 0x4ff, 0x500]
    t.strictSame(await outcomesOf(t, statuses, {}), [throttled, throttled, throttled, throttled, rejected])
    const own = { throttleCodes: ['0x500', 0x501] }
    t.strictSame(await outcomesOf(t, statuses, own), [throttled, throttled, rejected, rejected, throttled])
  },
)
