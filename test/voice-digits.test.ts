/** Digits that telephones press (RFC 4733), as gateways really send them: lost, doubled, out of order, mapped elsewhere. */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { DigitReader } from '../src/sip/media/digit-reader.js'
import type { MediaTarget } from '../src/sip/media/media.js'
import { RtpView } from '../src/sip/media/rtp-header.js'
import { seed } from './seed.js'
import { allTaken, MediaStand, Phone, rtpPacket } from './voice-media.js'

const DIGITS = '0123456789*#ABCD'
const STEP = 160

interface Press {
  digit: string
  timestamp: number
  /** Packets before the end. */
  packets?: number
  type?: number
  marker?: boolean
  ends?: number
}

/** One press as RFC 4733 §2.5 has it sent: a packet each 20 ms whose duration grows, and the last one three times. */
function pressed({ digit, timestamp, packets = 4, type = 101, marker = true, ends = 3 }: Press): Buffer[] {
  const block = (n: number, end: number): Buffer => {
    const duration = Math.min(0xffff, STEP * (n + 1))
    return Buffer.from([DIGITS.indexOf(digit), end | 10, duration >> 8, duration & 0xff])
  }
  const made: Buffer[] = []
  for (let n = 0; n < packets + ends; n++) {
    const payload = n < packets ? block(n, 0) : block(packets, 0x80)
    made.push(rtpPacket({ type, marker: marker && n === 0, sequence: 0, timestamp, ssrc: 5, payload }))
  }
  return made
}

/** All of them in the order in which they come, numbered in that order. */
function readAll(packets: readonly Buffer[], reader = new DigitReader()): string {
  const view = new RtpView()
  return packets.map((packet) => (view.read(packet) ? reader.read(packet, view) : '?')).join('')
}

t.test('each of the sixteen digits is told once a press', async (t) => {
  const presses = [...DIGITS].flatMap((digit, n) => pressed({ digit, timestamp: 1_000 + n * 4_000 }))
  t.equal(readAll(presses), DIGITS)
  const flash = rtpPacket({
    type: 101,
    marker: true,
    sequence: 1,
    timestamp: 1,
    ssrc: 5,
    payload: Buffer.from([16, 0, 0, 160]),
  })
  t.equal(readAll([flash]), '', 'a hook flash is no digit')
})

t.test('lost ends, a lost marker, a lost beginning, one packet alone: still one press', async (t) => {
  const press = pressed({ digit: '9', timestamp: 77 })
  t.equal(readAll(press.slice(0, 4)), '9', 'no end')
  t.equal(readAll(press.slice(1)), '9', 'no marker')
  t.equal(readAll(press.slice(-1)), '9', 'the last end alone')
  t.equal(readAll(pressed({ digit: '9', timestamp: 77, marker: false, packets: 0, ends: 1 })), '9')
  t.equal(readAll([...press, ...press]), '9', 'all of it twice')
  t.equal(readAll([...press].reverse()), '9', 'backwards')
})

t.test('the same digit pressed twice is two, also when the ends of the first are lost', async (t) => {
  const first = pressed({ digit: '1', timestamp: 1_000 })
  for (const gap of [800, 1_600, 4_000, 0xffff, 0x1_0000, 500_000]) {
    const second = pressed({ digit: '1', timestamp: 1_000 + gap })
    t.equal(readAll([...first, ...second]), '11', `${gap}`)
    t.equal(readAll([...first.slice(0, 4), ...second]), '11', `${gap}, no end`)
    t.equal(readAll([...first.slice(0, 4), ...second.slice(1)]), '11', `${gap}, no end, no marker`)
  }
})

t.test('a press that is held for half a minute is one', async (t) => {
  const held: Buffer[] = []
  for (let segment = 0; segment < 4; segment++) {
    const timestamp = 0xffff_0000 + segment * 0xffff
    held.push(...pressed({ digit: '#', timestamp, packets: 409, marker: segment === 0, ends: segment === 3 ? 3 : 0 }))
  }
  t.equal(readAll(held), '#')
  t.equal(readAll(held.filter((_, n) => n % 3 !== 0)), '#', 'a third of the packets lost')
  const again = pressed({ digit: '#', timestamp: 0xffff_0000 + 4 * 0xffff + 2_000 })
  t.equal(readAll([...held, ...again]), '##')
})

t.test('timestamps that wrap are no new press, and presses over the wrap are told', async (t) => {
  const before = pressed({ digit: '4', timestamp: 0xffff_ff00 })
  const after = pressed({ digit: '4', timestamp: 0x0000_0500 })
  t.equal(readAll([...before, ...after, ...before]), '44')
})

t.test('a gateway that gives each packet of a press a timestamp of its own presses once', async (t) => {
  const press = Array.from(
    { length: 9 },
    (_, n) => pressed({ digit: '5', timestamp: 9_000 + n * STEP })[n < 6 ? 0 : 5]!,
  )
  t.equal(readAll(press), '5')
  t.equal(readAll([...press, ...pressed({ digit: '5', timestamp: 20_000 })]), '55')
})

t.test('a sender that begins anew is understood, and two digits may share one packet', async (t) => {
  const later = pressed({ digit: '2', timestamp: 3_000_000_000 })
  t.equal(
    readAll([...later, ...pressed({ digit: '2', timestamp: 500 }), ...pressed({ digit: '3', timestamp: 500 })]),
    '223',
  )
  const both = Buffer.from([1, 0x8a, 0x03, 0x20, 2, 0x0a, 0x00, 0xa0])
  t.equal(readAll([rtpPacket({ type: 101, marker: true, sequence: 1, timestamp: 8, ssrc: 5, payload: both })]), '12')
})

t.test('presses through a bad line: any loss that leaves one packet, doubles, and packets that overtake', async (t) => {
  const random = new Random(seed)
  for (let round = 0; round < 400; round++) {
    let timestamp = random.below(2 ** 32)
    let dialled = ''
    const line: { at: number; packet: Buffer }[] = []
    for (let n = 0; n < 12; n++) {
      const digit = DIGITS[random.below(random.below(2) + 2)]!
      const packets = 2 + random.below(10)
      const press = pressed({ digit, timestamp: timestamp >>> 0, packets, marker: random.below(4) > 0 })
      const kept = press.filter(() => random.next() < 0.5)
      if (kept.length > 0) dialled += digit
      // Order is lost within 60 ms, which is less than from the end of one press to the next.
      for (const [k, packet] of kept.entries()) {
        const copies = random.below(8) === 0 ? 2 : 1
        for (let c = 0; c < copies; c++) line.push({ at: timestamp + k * STEP + random.below(480), packet })
      }
      timestamp += (packets + 3) * STEP + 800 + random.below(8_000)
    }
    line.sort((a, b) => a.at - b.at)
    const told = readAll(line.map(({ packet }) => packet))
    if (told !== dialled) return t.fail(`round ${round} of seed ${seed}: ${dialled} was told as ${told}`)
  }
  t.pass('400 rounds')
})

t.test('garbage is read without harm, and nobody can press without end', async (t) => {
  const random = new Random(seed)
  const reader = new DigitReader()
  const view = new RtpView()
  let read = 0
  let presses = 0
  for (let round = 0; round < 100_000; round++) {
    const packet = Buffer.from(Array.from({ length: random.below(40) }, () => random.below(256)))
    if (packet.length > 1) packet[0] = round % 2 === 0 ? 0x80 : 0x80 | (packet[0]! & 0x3f)
    if (!view.read(packet)) continue
    read++
    if (view.start < 12 || view.end > packet.length || view.start > view.end) return t.fail('outside the packet')
    presses += reader.read(packet, view).length
  }
  t.ok(read > 10_000, `${read} packets were read`)
  t.ok(presses > 100 && presses <= 500, `${presses} presses`)
})

t.test(
  'header extensions, contributing sources and padding are stepped over, and lies about them refused',
  async (t) => {
    const event = Buffer.from([7, 0x0a, 0, 160])
    const plain = rtpPacket({ type: 101, marker: true, sequence: 1, timestamp: 9, ssrc: 5, payload: event })
    const withFlags = (flags: number, ...rest: Buffer[]): Buffer => {
      const packet = Buffer.concat([plain.subarray(0, 12), ...rest])
      packet[0] = 0x80 | flags
      return packet
    }
    t.equal(readAll([withFlags(0x02, Buffer.alloc(8), event)]), '7', 'two contributing sources')
    t.equal(readAll([withFlags(0x10, Buffer.from([0xbe, 0xde, 0, 1, 1, 2, 3, 4]), event)]), '7', 'an extension')
    t.equal(readAll([withFlags(0x20, event, Buffer.from([0, 0, 0, 4]))]), '7', 'padding')
    t.equal(readAll([withFlags(0x31, Buffer.alloc(4), Buffer.from([0, 0, 0, 0]), event, Buffer.from([1]))]), '7', 'all')
    t.equal(readAll([withFlags(0x0f, event)]), '?', 'more sources than octets')
    t.equal(readAll([withFlags(0x10, Buffer.from([0, 0, 255, 255]), event)]), '?', 'an extension beyond the end')
    t.equal(readAll([withFlags(0x10, Buffer.from([0, 0]))]), '?', 'half an extension')
    t.equal(readAll([withFlags(0x20, event, Buffer.from([255]))]), '?', 'padding beyond the beginning')
    t.equal(readAll([withFlags(0x20, event, Buffer.from([0]))]), '?', 'no padding where some is said to be')
    const other = Buffer.from(plain)
    for (const version of [0x00, 0x40, 0xc0]) {
      other[0] = version
      t.equal(readAll([other]), '?', `version ${version >> 6}`)
    }
    for (const kind of [200, 201, 203])
      t.equal(readAll([Buffer.concat([Buffer.from([0x80, kind]), plain.subarray(2)])]), '?', 'RTCP')
  },
)

const stand = new MediaStand(t)
const OURS = '127.0.4.7'
const clock = await Phone.listen(t, '127.0.4.9')

/** What a call of ours hears when the far end sends that after the answer. */
async function heard(phone: Phone, target: Partial<MediaTarget>, packets: readonly Buffer[]): Promise<string> {
  const call = stand.call()
  const port = await call.open({ address: OURS, from: 0, to: 0 })
  call.connect(phone.target('pcma', target))
  const before = phone.heard.length
  await phone.until((all) => all.length > before)
  for (const packet of packets) await phone.send(packet, { address: OURS, port: port! })
  await allTaken(stand, clock)
  await call.close()
  return call.digits
}

t.test(
  'digits come under the type of our offer, of the answer, and the one that SIPp uses whatever was agreed',
  async (t) => {
    const phone = await Phone.listen(t, '127.0.4.8')
    const dial = (type: number): Buffer[] =>
      [...'19*'].flatMap((digit, n) => pressed({ digit, timestamp: n * 4_000, type }))
    t.equal(await heard(phone, {}, dial(101)), '19*')
    t.equal(await heard(phone, { eventPayloadType: 96 }, dial(96)), '19*')
    t.equal(await heard(phone, { eventPayloadType: 96 }, dial(101)), '19*')
    t.equal(await heard(phone, {}, dial(96)), '19*')
    t.equal(await heard(phone, { eventPayloadType: 127 }, dial(127)), '19*')
    t.equal(await heard(phone, { eventPayloadType: null }, dial(101)), '19*')
    t.equal(await heard(phone, {}, dial(110)), '', 'a type that nobody agreed on')
    t.equal(await heard(phone, { payloadType: 96, eventPayloadType: 97 }, dial(96)), '', 'a type that is sound here')
  },
)

t.test('digits that somebody else sends are not taken, nor before the answer', async (t) => {
  const phone = await Phone.listen(t, '127.0.4.8')
  const stranger = await Phone.listen(t, '127.0.4.6')
  const call = stand.call()
  const to = { address: OURS, port: (await call.open({ address: OURS, from: 0, to: 0 }))! }
  for (const packet of pressed({ digit: '1', timestamp: 5 })) await stranger.send(packet, to)
  await allTaken(stand, clock)
  call.connect(phone.target('pcma'))
  await phone.until((all) => all.length > 0)
  for (const packet of pressed({ digit: '2', timestamp: 9_000 })) await phone.send(packet, to)
  for (const packet of pressed({ digit: '3', timestamp: 5 })) await stranger.send(packet, to)
  for (const packet of pressed({ digit: '4', timestamp: 20_000 })) await phone.send(packet, to)
  await allTaken(stand, clock)
  const report = await call.close()
  t.equal(call.digits, '24')
  t.equal(report.packetsReceived, 14)
})

t.test('a flood of rubbish changes nothing for the calls beside it', async (t) => {
  const random = new Random(seed)
  const phone = await Phone.listen(t, '127.0.4.8')
  const flooder = await Phone.listen(t, '127.0.4.6')
  const call = stand.call()
  const to = { address: OURS, port: (await call.open({ address: OURS, from: 0, to: 0 }))! }
  call.connect(phone.target('pcma'))
  await phone.until((all) => all.length > 0)
  for (const packet of pressed({ digit: '7', timestamp: 9_000 })) await phone.send(packet, to)
  for (let n = 0; n < 3_000; n++) {
    const size = n % 100 === 0 ? 60_000 : random.below(200)
    await flooder.send(Buffer.alloc(size, random.below(256)), to)
  }
  for (const packet of pressed({ digit: '8', timestamp: 90_000 })) await phone.send(packet, to)
  const sent = phone.heard.length
  await phone.until((all) => all.length > sent + 5)
  await allTaken(stand, clock)
  await call.close()
  t.equal(call.digits[0], '7')
  t.ok(['7', '78'].includes(call.digits), 'the kernel drops what is too much for the socket')
  t.strictSame(call.failures, [])
})
