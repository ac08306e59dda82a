/** Which spoken texts stay on the disk: within a bound of size, and of time, so that none outlives `retention.textDays` unused. */
import { existsSync, readdirSync, utimesSync } from 'node:fs'
import t from 'tap'
import { SpeechCache } from '../src/sip/speech/speech-cache.js'
import { until } from './until.js'
import { filesOf, startSpeech, tempFolder, wasPrepared } from './voice-speech-stand.js'

t.setTimeout(580_000)
const DAY_MS = 86_400_000

t.test('the cache keeps within its bound: what was not used for longest goes, what is needed now stays', async (t) => {
  const folder = tempFolder(t)
  // From the real time on, which files have as well.
  const clock = { at: Date.now(), now: () => clock.at }
  let bytes = 0
  const open = async () => {
    const cache = new SpeechCache({ folder, clock, bytes: { set: (value) => (bytes = value) } })
    cache.bytesMax = 1_000_000
    await cache.open()
    return cache
  }
  const key = (n: number) => n.toString(16).padStart(64, '0')
  const cache = await open()
  // Each takes 160,020 octets, so that six fit.
  const put = async (n: number) => await cache.put(key(n), new Int16Array(80_000).fill(1_000))
  for (let n = 0; n < 6; n++) {
    await put(n)
    clock.at += 3_700_000
  }
  t.ok(await cache.find(key(0)))
  await put(6)
  t.equal(await cache.find(key(1)), null, 'the least recently used one has gone')
  t.ok(await cache.find(key(0)), 'not the oldest one')
  t.equal(readdirSync(folder).length, 6)
  t.equal(bytes, 6 * 160_020)
  for (let n = 7; n < 12; n++) await put(n)
  t.ok(await cache.find(key(7)), 'what was handed out just now stays beyond the bound')
  for (let n = 12; n < 30; n++) await put(n)
  t.ok(bytes <= 2_000_000 && bytes > 1_000_000, 'but not beyond twice the bound')
  clock.at += 3_700_000
  t.ok(await cache.find(key(29)))
  const next = await open()
  t.ok(bytes <= 1_000_000, 'a start keeps to the bound')
  t.ok(await next.find(key(29)), 'and the order of use outlives the process')
  t.equal(await next.find(key(12)), null)
})

t.test(
  'a sound that nobody has used for as long as texts are kept is gone from the disk, after a start too',
  async (t) => {
    const folder = tempFolder(t)
    const clock = { at: Date.now(), now: () => clock.at }
    let bytes = 0
    const open = async () => {
      const cache = new SpeechCache({ folder, clock, bytes: { set: (value) => (bytes = value) } })
      cache.bytesMax = 1_000_000
      cache.keptMs = 7 * DAY_MS
      await cache.open()
      return cache
    }
    const [left, used] = ['a'.repeat(64), 'b'.repeat(64)]
    const cache = await open()
    for (const key of [left, used]) await cache.put(key, new Int16Array(8_000).fill(1_000))
    clock.at += 6 * DAY_MS
    await cache.expire()
    t.ok(await cache.find(used), 'a call plays it again')
    clock.at += 2 * DAY_MS
    await cache.expire()
    t.strictSame(readdirSync(folder), [used])
    t.equal(bytes, 16_020)
    const next = await open()
    clock.at += 6 * DAY_MS
    await next.expire()
    t.strictSame(readdirSync(folder), [])
    t.equal(bytes, 0)
  },
)

t.test('the thread clears away by itself what is older than retention.textDays', async (t) => {
  const folder = tempFolder(t)
  const stand = startSpeech(t, folder)
  const [old] = filesOf(wasPrepared(await stand.speak('Only for your ears')))
  const [fresh] = filesOf(wasPrepared(await stand.speak('For today')))
  await stand.stop()
  const beforeSeconds = Date.now() / 1000 - 8 * (DAY_MS / 1000)
  utimesSync(old!, beforeSeconds, beforeSeconds)
  startSpeech(t, folder)
  await until(
    async () => existsSync(old!),
    (isThere) => !isThere,
  )
  t.ok(existsSync(fresh!))
})
