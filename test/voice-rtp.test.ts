/** Sound of calls as it comes out of the media thread, heard by far ends of plain sockets: what is sent, where, and when. */
import { execFileSync } from 'node:child_process'
import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { silentLog } from '../src/engine/contract/log.js'
import { decodeG711, encodeG711, SILENCE } from '../src/sip/media/g711.js'
import type { Codec, MediaReport } from '../src/sip/media/media.js'
import { PortPool } from '../src/sip/media/port-pool.js'
import { writeSound } from '../src/sip/media/sound-file.js'
import { prepareMedia } from '../src/start-media.js'
import { seed } from './seed.js'
import { allTaken, type HeardCall, type HeardPacket, MediaStand, Phone, rtpPacket, soundFolder } from './voice-media.js'
import { glidingTones, likeness } from './voice-sound.js'

const OURS = '127.0.4.1'
const ANYWHERE = { address: OURS, from: 0, to: 0 }

const stand = new MediaStand(t)
/** Hears the calls that show that time has gone on. */
const clock = await Phone.listen(t, '127.0.4.9')
const folder = soundFolder(t)

async function soundOf(seconds: number, salt: number): Promise<{ pcm: Int16Array; file: string }> {
  const pcm = glidingTones(seconds, seed + salt)
  const file = join(folder, `${salt}.sound`)
  await writeSound(file, pcm)
  return { pcm, file }
}

async function opened(call: HeardCall): Promise<number> {
  const port = await call.open(ANYWHERE)
  if (port === null) throw new Error('no port')
  return port
}

/** As one after the other, whatever was left out between: what was sent. */
function asSent(packets: HeardPacket[]): Buffer {
  return Buffer.concat(packets.map(({ payload }) => payload))
}

/** Decoded by sox. */
function decoded(octets: Buffer, codec: Codec): Int16Array {
  const raw = ['-t', 'raw', '-r', '8000', '-c', '1']
  const coding = codec === 'pcmu' ? 'mu-law' : 'a-law'
  const args = [...raw, '-e', coding, '-b', '8', '-', ...raw, '-e', 'signed', '-b', '16', '-L', '-']
  const pcm = execFileSync('sox', args, { input: octets })
  return Int16Array.from({ length: pcm.length / 2 }, (_, n) => pcm.readInt16LE(n * 2))
}

t.test('what is recorded at the far end is the clip, in both codecs', async (t) => {
  const { pcm, file } = await soundOf(2, 1)
  for (const codec of ['pcma', 'pcmu'] as const) {
    const phone = await Phone.listen(t, '127.0.4.2')
    const call = stand.call()
    await opened(call)
    call.connect(phone.target(codec))
    call.play([{ file }], 100)
    await call.until(() => call.played > 0)
    const report = await call.close()
    await phone.until((heard) => heard.length >= report.packetsSent)
    const { correlation, level } = likeness(pcm, decoded(asSent(phone.inOrder()), codec))
    t.ok(correlation >= 0.999, `${codec}: correlation ${correlation}`)
    t.ok(level >= 0.98 && level <= 1.02, `${codec}: level ${level}`)
    t.equal(phone.heard.length, report.packetsSent)
    t.strictSame([report.heardMs, report.totalMs], [2_000, 2_000])
    t.strictSame(call.failures, [])
  }
})

t.test('packets follow each other as RFC 3550 wants it, with silence before and after', async (t) => {
  const { file, pcm } = await soundOf(0.5, 2)
  const phone = await Phone.listen(t, '127.0.4.2')
  const call = stand.call()
  const port = await opened(call)
  call.connect(phone.target('pcma'))
  await phone.until((heard) => heard.length > 3)
  call.play([{ pauseMs: 50 }, { file }, { pauseMs: 30 }, { file }, { pauseMs: 0 }])
  await call.until(() => call.played > 0)
  const report = await call.close()
  await phone.until((heard) => heard.length >= report.packetsSent)
  const heard = phone.inOrder()
  t.equal(port % 2, 0, 'an even port')
  t.ok(heard[0]!.marker, 'the first packet is marked')
  const first = heard[0]!
  for (const [n, packet] of heard.entries()) {
    t.equal(packet.sequence, (first.sequence + n) & 0xffff)
    t.strictSame([packet.bytes[0], packet.type, packet.ssrc, packet.payload.length], [0x80, 8, first.ssrc, 160])
    t.equal(packet.from, `${OURS}:${port}`)
    if (n === 0) continue
    const step = (packet.timestamp - heard[n - 1]!.timestamp) >>> 0
    // A machine that was too busy leaves time out, in whole packets, and says so by the marker.
    t.equal(step % 160, 0)
    t.equal(packet.marker, step !== 160)
  }
  const octets = encodeG711('pcma', pcm)
  const silence = (samples: number): Buffer => Buffer.alloc(samples, SILENCE.pcma)
  const list = Buffer.concat([silence(400), octets, silence(240), octets])
  const sent = asSent(heard)
  const at = sent.indexOf(list)
  t.ok(at >= 480 && at % 160 === 0, `the list begins with a packet (octet ${at})`)
  const rest = sent.subarray(at + list.length)
  t.ok(sent.subarray(0, at).equals(silence(at)) && rest.equals(silence(rest.length)), 'silence around it')
  t.ok(rest.length >= 1_600, 'its end is told when it has been heard')
  t.equal(report.totalMs, 1_080)
  t.equal(report.heardMs, 1_080)
})

t.test('sequence numbers, timestamps and SSRCs begin anywhere', async (t) => {
  const phone = await Phone.listen(t, '127.0.4.2')
  const calls = Array.from({ length: 20 }, () => stand.call())
  for (const call of calls) {
    await opened(call)
    call.connect(phone.target('pcmu'))
  }
  await phone.until((heard) => new Set(heard.map(({ ssrc }) => ssrc)).size === calls.length)
  for (const call of calls) await call.close()
  const firsts = [...new Map([...phone.heard].reverse().map((packet) => [packet.ssrc, packet])).values()]
  t.ok(new Set(firsts.map(({ sequence }) => sequence >> 8)).size > 5)
  t.ok(new Set(firsts.map(({ timestamp }) => timestamp >>> 24)).size > 5)
})

t.test('packets of the length that the far end asked for, and again of another one', async (t) => {
  const { file, pcm } = await soundOf(0.6, 3)
  const phone = await Phone.listen(t, '127.0.4.2')
  const call = stand.call()
  await opened(call)
  call.connect(phone.target('pcma', { packetMs: 30 }))
  call.play([{ file }])
  await phone.until((heard) => heard.length > 8)
  call.connect(phone.target('pcma', { packetMs: 10, payloadType: 98 }))
  await call.until(() => call.played > 0)
  const report = await call.close()
  await phone.until((heard) => heard.length >= report.packetsSent)
  const heard = phone.inOrder()
  const lengths = heard.map(({ payload, type }) => `${payload.length} ${type}`)
  t.strictSame([...new Set(lengths)], ['240 8', '80 98'])
  t.ok(asSent(heard).includes(encodeG711('pcma', pcm)))
})

t.test('a re-INVITE moves the sound, in another codec, and nothing of it is lost', async (t) => {
  const { file, pcm } = await soundOf(1.5, 4)
  const phone = await Phone.listen(t, '127.0.4.2')
  const other = await Phone.listen(t, '127.0.4.3')
  const call = stand.call()
  await opened(call)
  call.connect(phone.target('pcma'))
  call.play([{ file }])
  await phone.until((heard) => heard.length > 25)
  call.connect(other.target('pcmu'))
  await other.until((heard) => heard.length > 0)
  const before = phone.heard.length
  await call.until(() => call.played > 0)
  const report = await call.close()
  await other.until((heard) => heard.length + phone.heard.length >= report.packetsSent)
  t.ok(phone.heard.length <= before + 1, 'the first place hears no more')
  t.equal(other.heard[0]!.ssrc, phone.heard[0]!.ssrc)
  const first = decodeG711('pcma', asSent(phone.inOrder()))
  const second = decodeG711('pcmu', asSent(other.inOrder()))
  const { correlation } = likeness(pcm, Int16Array.from([...first, ...withoutSilenceAhead(second)]))
  t.ok(correlation > 0.999, `${correlation}`)
  t.equal(report.heardMs, 1_500)
})

/** While the sound is loaded in the other law silence is sent. */
function withoutSilenceAhead(pcm: Int16Array): Int16Array {
  let packets = 0
  while (pcm.subarray(packets * 160, (packets + 1) * 160).every((sample) => sample === 0)) packets++
  return pcm.subarray(packets * 160)
}

t.test('a far end that holds us hears nothing, time goes on, and the clip goes on where it was', async (t) => {
  const { file, pcm } = await soundOf(0.8, 5)
  const phone = await Phone.listen(t, '127.0.4.2')
  const call = stand.call()
  await opened(call)
  call.connect(phone.target('pcma'))
  call.play([{ file }])
  await phone.until((heard) => heard.length > 15)
  call.connect(phone.target('pcma', { mayHear: false }))
  const control = stand.call()
  await opened(control)
  const other = await Phone.listen(t, '127.0.4.3')
  control.connect(other.target('pcma'))
  await other.until((heard) => heard.length > 20)
  const held = phone.heard.length
  await other.until((heard) => heard.length > 40)
  t.equal(phone.heard.length, held, 'nothing while it holds us')
  t.equal(call.played, 0)
  call.connect(phone.target('pcma'))
  await call.until(() => call.played > 0)
  const report = await call.close()
  await control.close()
  await phone.until((heard) => heard.length >= report.packetsSent)
  const heard = phone.inOrder()
  t.ok(asSent(heard).includes(encodeG711('pcma', pcm)), 'nothing of it is missing')
  const gaps = heard.slice(1).map((packet, n) => (packet.timestamp - heard[n]!.timestamp) >>> 0)
  const longest = Math.max(...gaps)
  t.ok(longest >= 40 * 160 && longest < 1_000 * 160, `timestamps went on by ${longest}`)
  t.ok(heard[gaps.indexOf(longest) + 1]!.marker, 'what follows the hold is marked')
})

t.test('what was heard is the farthest point, once through, of the list that was played first', async (t) => {
  const { file, pcm } = await soundOf(1, 6)
  const short = await soundOf(0.2, 7)
  const phone = await Phone.listen(t, '127.0.4.2')
  const call = stand.call()
  await opened(call)
  call.connect(phone.target('pcma'))
  const octets = encodeG711('pcma', pcm)
  const farthest = (): number =>
    Math.max(0, ...phone.heard.map(({ payload }) => octets.indexOf(payload) + 160).filter((at) => at > 159))
  const begun = (): number => phone.heard.filter(({ payload }) => octets.indexOf(payload) === 0).length
  call.play([{ file }, { pauseMs: 200 }])
  await phone.until(() => farthest() >= 160 * 20)
  call.play([{ file }, { pauseMs: 200 }])
  await phone.until(() => begun() === 2)
  call.play([{ file: short.file }])
  await call.until(() => call.played > 0)
  const report = await call.close()
  await phone.until((heard) => heard.length >= report.packetsSent)
  t.equal(call.played, 1)
  t.equal(report.totalMs, 1_200)
  if (farthest() < octets.length) t.equal(report.heardMs, farthest() / 8)
  else t.ok(report.heardMs >= 1_000 && report.heardMs <= 1_200, 'on a machine so slow that all of it was sent')

  const again = stand.call()
  await opened(again)
  again.connect(phone.target('pcma'))
  for (let n = 1; n <= 2; n++) {
    again.play([{ file: short.file }])
    await again.until(() => again.played === n)
  }
  const twice = await again.close()
  t.strictSame([twice.heardMs, twice.totalMs], [200, 200], 'twice is once')
})

t.test('nothing is heard before it begins, and what is closed sends no more', async (t) => {
  const { file } = await soundOf(1, 8)
  const phone = await Phone.listen(t, '127.0.4.2')
  const call = stand.call()
  await opened(call)
  call.connect(phone.target('pcma'))
  call.play([{ file }], 60_000)
  await phone.until((heard) => heard.length > 5)
  const report = await call.close()
  t.strictSame([report.heardMs, report.totalMs], [0, 1_000])
  const late = stand.call()
  await opened(late)
  late.connect(phone.target('pcma'))
  const count = (ssrc: number): number => phone.heard.filter((packet) => packet.ssrc === ssrc).length
  const [first] = phone.heard
  await phone.until((heard) => heard.length > report.packetsSent + 10)
  t.equal(count(first!.ssrc), report.packetsSent)
  await late.close()
  t.strictSame(await late.close(), { heardMs: 0, totalMs: 0, packetsSent: 0, packetsReceived: 0, packetsLost: 0 })
  t.ok(asSent(phone.heard).every((octet) => octet === SILENCE.pcma))
})

t.test('a clip that cannot be read fails its call and no other', async (t) => {
  const good = await soundOf(0.3, 9)
  const bad = await soundOf(0.3, 10)
  truncateSync(bad.file, 100)
  const phone = await Phone.listen(t, '127.0.4.2')
  const [first, second, third] = [stand.call(), stand.call(), stand.call()]
  for (const call of [first, second, third]) {
    await opened(call)
    call.connect(phone.target('pcma'))
  }
  first.play([{ file: good.file }, { file: join(folder, 'none') }])
  second.play([{ file: bad.file }])
  third.play([{ file: good.file }])
  await first.until(() => first.failures.length > 0)
  await second.until(() => second.failures.length > 0)
  await third.until(() => third.played > 0)
  t.match(first.failures, [/cannot be played: ENOENT/])
  t.match(second.failures, [/cannot be played: is no whole sound file/])
  t.strictSame(third.failures, [])
  t.equal((await first.close()).heardMs, 0)
  await second.close()
  await third.close()
})

t.test('ports are even, of the range, each call has its own, and when none is left none is given', async (t) => {
  const place = { address: '127.0.4.4', from: 9_000, to: 9_009 }
  const calls = Array.from({ length: 6 }, () => stand.call())
  const ports = await Promise.all(calls.map(async (call) => await call.open(place)))
  const given = ports.filter((port) => port !== null)
  // Another program may have one of them.
  t.ok(given.length >= 1 && given.length <= 5 && new Set(given).size === given.length, given.join())
  t.strictSame(
    given.filter((port) => port % 2 !== 0 || port < 9_000 || port > 9_008),
    [],
  )
  for (const call of calls) await call.close()
  const rested = stand.call()
  t.equal(await rested.open(place), null, 'all of them rest')
  await rested.close()
  const elsewhere = stand.call()
  t.equal(await elsewhere.open({ address: '192.0.2.77', from: 0, to: 0 }), null, 'an address that is not ours')
  await elsewhere.close()
})

t.test('a port rests for three seconds before it is used again', async (t) => {
  const pool = new PortPool(() => 0.5)
  const place = { address: OURS, from: 10_001, to: 10_007 }
  t.strictSame(
    [pool.take(place, 0), pool.take(place, 0), pool.take(place, 0), pool.take(place, 0)],
    [10_004, 10_006, 10_002, null],
  )
  pool.release(OURS, 10_006, 100)
  t.equal(pool.take(place, 3_099), null)
  t.equal(pool.take({ ...place, address: '127.0.4.5' }, 3_099), 10_004, 'of another address they are others')
  t.equal(pool.claim(OURS, 10_006, 3_099), false)
  t.equal(pool.take(place, 3_100), 10_006)
  pool.release(OURS, 10_002, 4_000)
  t.equal(pool.claim(OURS, 10_002, 6_999), false)
  t.equal(pool.claim(OURS, 10_003, 7_000), false, 'an odd one never')
  t.equal(pool.claim(OURS, 10_002, 7_000), true)
})

function noise(sequence: number, ssrc = 7): Buffer {
  const payload = Buffer.alloc(160, SILENCE.pcma)
  return rtpPacket({ type: 8, marker: false, sequence, timestamp: sequence * 160, ssrc, payload })
}

t.test('sound goes to where the far end speaks from, and nobody else can take it', async (t) => {
  const named = await Phone.listen(t, '127.0.4.2')
  const natted = await Phone.listen(t, '127.0.4.3')
  const thief = await Phone.listen(t, '127.0.4.6')
  const call = stand.call()
  const port = await opened(call)
  const to = { address: OURS, port }
  await thief.send(noise(1), to)
  await allTaken(stand, clock)
  call.connect(named.target('pcma'))
  await named.until((heard) => heard.length > 2)
  await thief.send(Buffer.from('OPTIONS sip:x SIP/2.0\r\n\r\n'), to)
  await thief.send(rtpPacket({ ...RTP_OF_VIDEO, payload: Buffer.alloc(900) }), to)
  await natted.send(noise(10), to)
  await natted.until((heard) => heard.length > 2)
  await thief.send(noise(11), to)
  await natted.send(noise(11), to)
  const before = named.heard.length
  await natted.until((heard) => heard.length > 20)
  t.equal(thief.heard.length, 0)
  t.ok(named.heard.length <= before + 1, 'the place that the SDP named hears no more')

  await named.send(noise(12), to)
  await named.until((heard) => heard.length > before + 3)
  await natted.send(noise(13), to)
  const last = natted.heard.length
  await named.until((heard) => heard.length > before + 12)
  t.ok(natted.heard.length <= last + 1, 'the place that the SDP names may take it back, for good')

  call.connect(natted.target('pcma'))
  await natted.until((heard) => heard.length > last + 5)
  await allTaken(stand, clock)
  const report = await call.close()
  t.equal(report.packetsReceived, 3)
  t.equal(thief.heard.length, 0)
})

const RTP_OF_VIDEO = { type: 99, marker: false, sequence: 1, timestamp: 1, ssrc: 1 }

t.test('losses are counted by sequence number, over the wrap and out of order', async (t) => {
  const phone = await Phone.listen(t, '127.0.4.2')
  const call = stand.call()
  const to = { address: OURS, port: await opened(call) }
  call.connect(phone.target('pcma'))
  await phone.until((heard) => heard.length > 0)
  // 65,530 to 65,545 with 65,533, 65,537 and 65,538 missing, two of them in the wrong order, one twice.
  for (const n of [0, 1, 2, 4, 6, 5, 9, 10, 10, 11, 12, 13, 15, 14]) await phone.send(noise(65_530 + n), to)
  await allTaken(stand, clock)
  const report = await call.close()
  t.equal(report.packetsReceived, 14)
  t.equal(report.packetsLost, 2, 'the one that came twice hides one, as RFC 3550 has it')
})

t.test('a stream that begins anew, and one packet of a stranger, are no losses', async (t) => {
  const phone = await Phone.listen(t, '127.0.4.2')
  const call = stand.call()
  const to = { address: OURS, port: await opened(call) }
  call.connect(phone.target('pcma'))
  await phone.until((heard) => heard.length > 0)
  for (const n of [1, 2, 3, 5]) await phone.send(noise(n), to)
  await phone.send(noise(40_000, 99), to)
  await phone.send(noise(6), to)
  for (const n of [20_000, 20_001, 20_003]) await phone.send(noise(n), to)
  for (const n of [100, 101, 103]) await phone.send(noise(n, 8), to)
  await allTaken(stand, clock)
  const report = await call.close()
  t.equal(report.packetsReceived, 12)
  t.equal(report.packetsLost, 3)
})

t.test('a media thread that dies fails its calls, and the next call has a new one', async (t) => {
  const { file, pcm } = await soundOf(30, 11)
  const media = prepareMedia({ logLevel: 'silent' }, silentLog)
  t.teardown(async () => await media.stop())
  const failures: string[] = []
  const happened = { played: 0 }
  const joined = media.link.join({
    digit: () => {},
    played: () => void happened.played++,
    failed: (call, why) => void failures.push(`${call} ${why}`),
  })
  t.equal(media.thread, null, 'no thread before the first call')
  const phone = await Phone.listen(t, '127.0.4.2')
  const open = async (call: number): Promise<number | null> =>
    await new Promise((resolve) => joined.open(call, ANYWHERE, resolve))
  const closed = async (call: number): Promise<unknown> => await new Promise((resolve) => joined.close(call, resolve))
  await open(1)
  joined.connect(1, phone.target('pcma'))
  joined.play(1, [{ file }], 0)
  const octets = encodeG711('pcma', pcm)
  await phone.until((heard) => heard.filter(({ payload }) => octets.includes(payload)).length > 10)
  const thread = media.thread!
  const answers = [open(2), open(3)]
  await thread.terminate()
  t.strictSame(
    (await Promise.all(answers)).map((port) => port === null || port > 0),
    [true, true],
  )
  t.ok(failures.includes('1 the media thread died'), failures.join())
  const nothing = { heardMs: 0, totalMs: 0, packetsSent: 0, packetsReceived: 0, packetsLost: 0 }
  const { heardMs, totalMs, packetsSent } = (await closed(1)) as MediaReport
  t.ok(heardMs >= 200 && heardMs <= phone.heard.length * 20 + 1_000, `${heardMs} ms heard`)
  t.strictSame([totalMs, packetsSent], [30_000, 0], 'how far it was heard is known all the same')
  t.equal(media.link.callsOpen, 0)
  t.ok(await open(4))
  t.not(media.thread, thread)
  const before = phone.heard.length
  joined.connect(4, phone.target('pcma'))
  await phone.until((heard) => heard.length > before)
  t.ok(((await closed(4)) as MediaReport).packetsSent > 0)
  t.strictSame(await closed(4), nothing)
})

t.test('sound goes over IPv6 as well', async (t) => {
  const { file, pcm } = await soundOf(0.3, 12)
  const phone = await Phone.listen(t, '::1')
  const call = stand.call()
  const port = await call.open({ address: '::1', from: 0, to: 0 })
  call.connect(phone.target('pcmu'))
  call.play([{ file }])
  await phone.until((heard) => heard.length > 0)
  await phone.send(noise(1), { address: '::1', port: port! })
  await call.until(() => call.played > 0)
  const report = await call.close()
  await phone.until((heard) => heard.length >= report.packetsSent)
  t.ok(asSent(phone.inOrder()).includes(encodeG711('pcmu', pcm)))
  t.equal(report.packetsReceived, 1)
})
