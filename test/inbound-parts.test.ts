/** Messages in parts: joined once and only once, over binds and restarts, with parts lost, late and repeated. */
import { encode } from '@msgpack/msgpack'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { limits } from '../src/engine/contract/limits.js'
import { listInbound } from '../src/engine/inbound/inbound-list.js'
import { Reassembler } from '../src/engine/inbound/reassembler.js'
import { ADMIN, InboundHarness, partPdu, pdu, START_MS } from './inbound-support.js'
import { seed } from './seed.js'

const MINUTE = 60_000

t.test(
  'quirk 51, 56: parts come in any order, over several binds, by header of 8 or 16 bits or by sar parameters',
  async (t) => {
    const harness = new InboundHarness(t)
    const place = (part: number) => ({ reference: 7, total: 3, part })
    await harness.keep(partPdu(place(3), 'three', { bind: 1 }), partPdu(place(1), 'one ', { bind: 0 }))
    t.strictSame(harness.texts(), [])
    await harness.keep(partPdu(place(2), 'two ', { bind: 2, atMs: START_MS + 5 }))
    const wide = (part: number) => ({ reference: 777, total: 2, part, isWide: true })
    await harness.keep(partPdu(wide(1), 'wide '), partPdu(wide(2), 'reference'))
    const sar = (part: number) => ({ reference: 9, total: 2, part })
    await harness.keep(pdu({ text: 'parameters', sar: sar(2) }), pdu({ text: 'by ', sar: sar(1) }))
    t.strictSame(harness.texts(), ['one two three', 'wide reference', 'by parameters'])
    t.match(harness.list()[0], {
      id: 'inb_0000000001',
      from: '+447700900123',
      to: '60099',
      parts: 3,
      complete: true,
      missing: [],
      receivedAt: new Date(START_MS + 5).toISOString(),
      firstPartAt: new Date(START_MS).toISOString(),
      account: null,
      reason: 'UNROUTED',
      source: { ton: 1, npi: 1, address: '447700900123' },
    })
    t.equal(harness.waiting, 0, 'nothing is kept twice')
  },
)

t.test('parts of different senders, recipients, carriers, references and totals are different messages', async (t) => {
  const harness = new InboundHarness(t)
  const place = { reference: 7, total: 2, part: 1 }
  const others = [{ from: '447700900124' }, { to: '60098' }, { carrier: 'other' }]
  await harness.keep(partPdu(place, 'a '), ...others.map((change) => partPdu(place, 'b ', change)))
  await harness.keep(partPdu({ ...place, reference: 8 }, 'c '), partPdu({ ...place, total: 3 }, 'd '))
  t.strictSame(harness.texts(), [])
  await harness.keep(partPdu({ ...place, part: 2 }, 'z'))
  t.strictSame(harness.texts(), ['a z'])
})

t.test('quirk 57: a part that is lost: after the time what came is listed, and says what is missing', async (t) => {
  const harness = new InboundHarness(t)
  const place = (part: number) => ({ reference: 7, total: 4, part })
  await harness.after(MINUTE)
  await harness.keep(partPdu(place(1), 'one '), partPdu(place(3), 'three ', { atMs: harness.nowMs }))
  await harness.after(28 * MINUTE)
  t.strictSame(harness.texts(), [], 'its time is not over')
  await harness.after(2 * MINUTE)
  t.match(harness.list(), [{ text: 'one three ', complete: false, missing: [2, 4], parts: 4, lateFor: null }])
  t.equal(harness.waiting, 0)
  t.equal(harness.counted.get('incomplete'), 1)
})

for (const isRestarted of [false, true]) {
  t.test(
    `quirk 57: a late part is an entry of its own, once${isRestarted ? ', also after a restart' : ''}`,
    async (t) => {
      const harness = new InboundHarness(t)
      const place = (part: number) => ({ reference: 7, total: 3, part })
      await harness.keep(partPdu(place(1), 'one '))
      await harness.after(31 * MINUTE)
      if (isRestarted) await harness.restart()
      const late = partPdu(place(2), 'two ', { atMs: harness.nowMs })
      await harness.keep(late)
      if (isRestarted) await harness.restart()
      await harness.keep({ ...late, run: 2, doubtFrom: 1 })
      const [whole, part] = harness.list()
      t.match(whole, { text: 'one ', missing: [2, 3] })
      t.match(part, { text: 'two ', missing: [1, 3], lateFor: whole!.id, complete: false })
      t.equal(harness.list().length, 2)
      t.equal(harness.counted.get('repeat'), 1)
    },
  )
}

t.test('quirk 57: a part that the carrier repeats counts once, before and after the message is whole', async (t) => {
  const harness = new InboundHarness(t)
  const place = (part: number) => ({ reference: 7, total: 2, part })
  const one = partPdu(place(1), 'one ')
  const two = partPdu(place(2), 'two')
  await harness.keep(one, one)
  await harness.restart()
  await harness.keep(one, two)
  t.strictSame(harness.texts(), ['one two'])
  const broken = [{ bind: 0, connection: 1, atMs: START_MS + 1_000 }]
  await harness.keep({ ...two, connection: 2, broken })
  await harness.restart()
  await harness.keep({ ...one, run: 2, doubtFrom: 1 }, { ...two, run: 2, doubtFrom: 1 })
  t.strictSame(harness.texts(), ['one two'])
  t.equal(harness.waiting, 0)
})

t.test('a reference that is used again makes another message, whether the text differs or not', async (t) => {
  const harness = new InboundHarness(t)
  const place = (part: number) => ({ reference: 0, total: 2, part })
  await harness.keep(partPdu(place(1), 'same '), partPdu(place(2), 'text'))
  await harness.keep(partPdu(place(1), 'same '), partPdu(place(2), 'text'))
  await harness.keep(partPdu(place(1), 'other '), partPdu(place(2), 'text'))
  t.strictSame(harness.texts(), ['same text', 'same text', 'other text'])
  await harness.keep(partPdu(place(1), 'lost '))
  await harness.keep(partPdu(place(1), 'new '), partPdu(place(2), 'words'))
  t.strictSame(harness.texts().slice(3), ['new words'])
  await harness.after(40 * MINUTE)
  t.match(harness.list().slice(4), [{ text: 'lost ', missing: [2] }])
})

t.test('parts that a carrier repeats without any break are not listed again', async (t) => {
  const harness = new InboundHarness(t)
  const place = (part: number) => ({ reference: 3, total: 2, part })
  await harness.keep(partPdu(place(1), 'one '), partPdu(place(2), 'two'), partPdu(place(2), 'two'))
  t.strictSame(harness.texts(), ['one two'])
  await harness.after(40 * MINUTE)
  t.strictSame(harness.texts(), ['one two'], 'alone it is a repetition')
  t.equal(harness.waiting, 0)
  t.equal(harness.counted.get('repeat'), 1)
})

t.test('the same word twice is two messages; what a carrier repeats after a break or a kill is one', async (t) => {
  const harness = new InboundHarness(t)
  const stop = pdu({ text: 'STOP' })
  await harness.keep(stop, { ...stop, atMs: START_MS + 1 })
  t.equal(harness.list().length, 2)
  const broken = [{ bind: 0, connection: 1, atMs: START_MS + 2_000 }]
  await harness.keep({ ...stop, connection: 2, atMs: START_MS + 3_000, broken })
  t.equal(harness.list().length, 2, 'its connection broke right after it')
  await harness.keep({ ...stop, connection: 2, atMs: START_MS + 4_000, broken })
  t.equal(harness.list().length, 3, 'and then it was written again')
  await harness.restart()
  await harness.keep({ ...stop, run: 3, doubtFrom: 1, atMs: START_MS + 5_000 })
  t.equal(harness.list().length, 3, 'the process was killed')
  await harness.keep(pdu({ text: 'YES', run: 3, doubtFrom: 3 }), pdu({ text: 'YES', run: 4, doubtFrom: 4 }))
  t.equal(harness.list().length, 5, 'it was stopped, and all answers had gone out')
  const late = [{ bind: 0, connection: 1, atMs: START_MS + 10 * MINUTE }]
  await harness.keep(pdu({ text: 'NO' }), pdu({ text: 'NO', connection: 2, broken: late }))
  t.equal(harness.list().length, 7, 'it broke long after the answer')
})

t.test('after a start nothing is given up before carriers had time to deliver what they held back', async (t) => {
  const harness = new InboundHarness(t)
  const place = (part: number) => ({ reference: 7, total: 2, part })
  await harness.keep(partPdu(place(1), 'one '))
  await harness.desk.stop()
  harness.nowMs += 120 * MINUTE
  await harness.restart()
  await harness.after(30_000)
  t.strictSame(harness.texts(), [])
  await harness.keep(partPdu(place(2), 'two', { atMs: harness.nowMs }))
  t.strictSame(harness.texts(), ['one two'])
})

t.test('damage costs the damaged one only', async (t) => {
  const harness = new InboundHarness(t)
  await harness.keepBytes(Buffer.from('what is this'))
  await harness.keep(pdu({ text: 'sound' }))
  const bytes = Buffer.from(harness.environment.inboundList.getBinary(1)!)
  bytes[20]! ^= 1
  await harness.environment.inboundList.put(2, bytes)
  await harness.restart()
  await harness.keep(pdu({ text: 'later' }))
  const page = listInbound(harness.store, { limit: 50 }, ADMIN)
  t.strictSame(
    page.items.map(({ text }) => text),
    ['later', 'sound'],
  )
  t.equal(harness.counted.get('corrupt'), 1)
  t.equal(harness.waiting, 0)
})

t.test('what version 0.1 kept, which nobody read then, is listed', async (t) => {
  const harness = new InboundHarness(t)
  const { carrier, bind, from, to, dataCoding, esmClass, payload, atMs } = pdu({ text: 'from before' })
  await harness.keepBytes(Buffer.from(encode({ carrier, bind, from, to, dataCoding, esmClass, payload, atMs })))
  t.match(harness.list(), [{ text: 'from before', from: '447700900123', carrier: 'acme' }])
})

t.test('the list goes by pages from the newest, filtered by number, carrier and time', async (t) => {
  const harness = new InboundHarness(t)
  const records = Array.from({ length: 250 }, (_, n) => {
    const carrier = n % 5 === 0 ? 'other' : 'acme'
    return pdu({ text: `text ${n}`, carrier, from: `4477009001${10 + (n % 10)}`, atMs: START_MS + n * 1000 })
  })
  await harness.keep(...records)
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = listInbound(harness.store, { limit: 60, cursor }, ADMIN)
    seen.push(...page.items.map(({ text }) => text!))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  t.strictSame(
    seen,
    Array.from({ length: 250 }, (_, n) => `text ${249 - n}`),
  )
  const of = (filter: object) => listInbound(harness.store, { limit: 200, ...filter }, ADMIN).items.length
  t.equal(of({ carrier: 'other' }), 50)
  t.equal(of({ from: '+447700900113' }), 25)
  t.equal(of({ from: '447700900113' }), 25, 'also without its plus')
  t.equal(of({ from: '+44770090011' }), 0)
  t.equal(of({ to: '60099' }), 200, 'as many as the page holds')
  t.equal(of({ to: '60099', from: '447700900115', carrier: 'other' }), 25)
  t.equal(of({ to: '60098' }), 0)
  t.equal(of({ sinceMs: START_MS + 200_000 }), 50)
  t.equal(of({ sinceMs: START_MS + 200_000, carrier: 'other' }), 10)
})

t.test('what is older than its retention goes, in batches, and no number is used again', async (t) => {
  const harness = new InboundHarness(t)
  await harness.keep(...Array.from({ length: 1_200 }, (_, n) => pdu({ text: `old ${n}` })))
  await harness.after(23 * 60 * MINUTE)
  t.equal(harness.list().length, 1_200)
  await harness.keep(pdu({ text: 'young', atMs: harness.nowMs }))
  await harness.after(2 * 60 * MINUTE)
  t.strictSame(harness.texts(), ['young'])
  await harness.after(48 * 60 * MINUTE)
  await harness.restart()
  await harness.keep(pdu({ text: 'next', atMs: harness.nowMs }))
  t.strictSame(
    harness.list().map(({ id }) => id),
    ['inb_000000015h', 'inb_000000015j'],
  )
})

t.test('messages under way are bounded: the oldest are given up', async (t) => {
  const reassembler = new Reassembler({ timeoutMs: 1_800_000 })
  const add = (number: number) => {
    const arrival = { print: String(number), run: 1, bind: 0, connection: 1, atMs: 0 }
    return reassembler.add({ number, key: String(number), place: { reference: 1, total: 2, part: 1 }, arrival })
  }
  for (let number = 0; number < limits.inboundGroups + 5; number++) {
    if (add(number).kind !== 'waits') t.fail('each waits for its other part')
  }
  const given = reassembler.giveUp(1, 100)
  t.strictSame(
    given.map(({ group }) => group.key),
    ['0', '1', '2', '3', '4'],
  )
  t.equal(reassembler.waiting, limits.inboundGroups)
})

interface Sent {
  text: string
  parts: ReturnType<typeof partPdu>[]
}

t.test(`any order, repetition and restart: each message is listed once and whole, seed ${seed}`, async (t) => {
  const random = new Random(seed)
  const harness = new InboundHarness(t)
  const messages: Sent[] = []
  for (let n = 0; n < 120; n++) {
    const total = 2 + random.below(5)
    const pieces = Array.from({ length: total }, (_, index) => `${n}.${index} `)
    const from = `44770090${String(n % 40).padStart(4, '0')}`
    const place = (part: number) => ({ reference: n % 256, total, part, isWide: n % 2 === 0 })
    messages.push({
      text: pieces.join(''),
      parts: pieces.map((text, index) => partPdu(place(index + 1), text, { from })),
    })
  }
  let run = 1
  const order = messages.flatMap(({ parts }) => parts)
  for (let at = order.length - 1; at > 0; at--) {
    const other = random.below(at + 1)
    ;[order[at], order[other]] = [order[other]!, order[at]!]
  }
  let unanswered: typeof order = []
  while (order.length > 0) {
    const batch = order.splice(0, 1 + random.below(20))
    const dress = (record: (typeof order)[number]) => ({
      ...record,
      run,
      doubtFrom: 1,
      bind: random.below(3),
      atMs: harness.nowMs,
    })
    await harness.keep(...batch.map(dress))
    unanswered = [...unanswered, ...batch].slice(-30)
    harness.nowMs += random.below(2_000)
    if (random.below(3) > 0) continue
    // The process was killed: nobody knows which of the last answers went out, and the carrier delivers those parts again.
    run++
    await harness.restart()
    await harness.keep(...unanswered.filter(() => random.below(2) === 0).map(dress))
  }
  await harness.after(60 * MINUTE)
  t.strictSame(harness.texts().sort(), messages.map(({ text }) => text).sort())
  t.ok(
    harness.list().every(({ complete }) => complete),
    'none is given up',
  )
  t.ok((harness.counted.get('repeat') ?? 0) > 20, `${harness.counted.get('repeat')} repetitions`)
  t.equal(harness.waiting, 0)
})
