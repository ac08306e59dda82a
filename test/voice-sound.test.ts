/** Sound on its way to a telephone: G.711 of both laws, WAV files of all makes, the resampler, and sound files on disk. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { decodeG711, encodeG711 } from '../src/sip/media/g711.js'
import type { Codec } from '../src/sip/media/media.js'
import { phoneSound } from '../src/sip/media/phone-sound.js'
import { Resampler } from '../src/sip/media/resampler.js'
import { SoundCache } from '../src/sip/media/sound-cache.js'
import { packSound, readSound, soundInfo, writeSound } from '../src/sip/media/sound-file.js'
import { readWav, WavSound } from '../src/sip/media/wav.js'
import { seed } from './seed.js'
import { soundFolder } from './voice-media.js'
import { glidingTones, likeness } from './voice-sound.js'

/** ITU-T G.711 table 2a as G.191 computes it: intervals are searched, sample by sample. */
function referenceMuLaw(sample: number): number {
  let size = (sample < 0 ? ~sample : sample) >> 2
  size = Math.min(size + 33, 0x1fff)
  let segment = 1
  for (let rest = size >> 6; rest !== 0; rest >>= 1) segment++
  const octet = ((8 - segment) << 4) | (0x0f - ((size >> segment) & 0x0f))
  return sample >= 0 ? octet | 0x80 : octet
}

/** Table 1a. */
function referenceALaw(sample: number): number {
  let size = (sample < 0 ? ~sample : sample) >> 4
  if (size > 15) {
    let exponent = 1
    for (; size > 31; size >>= 1) exponent++
    size = size - 16 + (exponent << 4)
  }
  return (sample >= 0 ? size | 0x80 : size) ^ 0x55
}

function referenceOf(codec: Codec, octet: number): number {
  if (codec === 'pcmu') {
    const inverted = ~octet & 0xff
    const exponent = (inverted >> 4) & 7
    const size = (0x80 << exponent) + (8 << exponent) * (inverted & 0x0f) + (4 << exponent) - 132
    return octet < 0x80 ? -size : size
  }
  const code = octet ^ 0x55
  const exponent = (code & 0x7f) >> 4
  let size = code & 0x0f
  if (exponent > 0) size += 16
  size = (size << 4) + 8
  if (exponent > 1) size <<= exponent - 1
  return code > 0x7f ? size : -size
}

const LAWS: readonly Codec[] = ['pcmu', 'pcma']
const ALL_SAMPLES = Int16Array.from({ length: 65_536 }, (_, n) => n - 32_768)
const ALL_OCTETS = Uint8Array.from({ length: 256 }, (_, n) => n)

t.test('all 65,536 samples are coded as the formulas of G.711 say, and all octets decoded', async (t) => {
  for (const codec of LAWS) {
    const reference = codec === 'pcmu' ? referenceMuLaw : referenceALaw
    const octets = encodeG711(codec, ALL_SAMPLES)
    let wrong = ''
    for (const [n, sample] of ALL_SAMPLES.entries()) {
      if (octets[n] !== reference(sample)) wrong ||= `${codec}: ${sample} is ${octets[n]}, not ${reference(sample)}`
    }
    t.equal(wrong, '')
    const linear = [...decodeG711(codec, ALL_OCTETS)]
    t.strictSame(
      linear,
      [...ALL_OCTETS].map((octet) => referenceOf(codec, octet)),
      codec,
    )
    // −0 of the µ-law is the one octet that stands for another one's sample.
    const again = [...encodeG711(codec, Int16Array.from(linear))]
    t.equal(again.filter((octet, n) => octet !== n).length, codec === 'pcmu' ? 1 : 0)
  }
})

t.test('sox decodes each octet to the same sample as we do', async (t) => {
  for (const codec of LAWS) {
    const raw = ['-t', 'raw', '-r', '8000', '-c', '1']
    const coding = codec === 'pcmu' ? 'mu-law' : 'a-law'
    const args = [...raw, '-e', coding, '-b', '8', '-', ...raw, '-e', 'signed', '-b', '16', '-L', '-']
    const pcm = execFileSync('sox', args, { input: ALL_OCTETS })
    t.strictSame(
      [...decodeG711(codec, ALL_OCTETS)],
      Array.from(ALL_OCTETS, (_, n) => pcm.readInt16LE(n * 2)),
      codec,
    )
  }
})

/** Decibels beside full scale of what comes out of a tone. */
function levelOf(rate: number, hertz: number): number {
  const tone = Float32Array.from({ length: rate }, (_, n) => Math.sin((2 * Math.PI * hertz * n) / rate))
  const resampler = new Resampler(rate)
  const out = [...resampler.push(tone), ...resampler.end()].slice(1_000, -1_000)
  const power = out.reduce((sum, value) => sum + value * value, 0) / out.length
  return 10 * Math.log10(power * 2 + 1e-15)
}

t.test('the resampler leaves 1 kHz as it is and lets nothing from 4.2 kHz on through', async (t) => {
  for (const rate of [11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 191_999]) {
    for (const hertz of [300, 1_000, 3_400]) {
      const level = levelOf(rate, hertz)
      t.ok(Math.abs(level) < 0.1, `${rate}: ${hertz} Hz ${level.toFixed(3)} dB`)
    }
    for (const hertz of [4_200, 4_600, 5_200, 7_900, 11_900].filter((hertz) => hertz < rate / 2)) {
      const level = levelOf(rate, hertz)
      t.ok(level < -80, `${rate}: ${hertz} Hz ${level.toFixed(1)} dB`)
    }
  }
})

t.test('what comes out of the resampler does not depend on how the sound is cut', async (t) => {
  const random = new Random(seed)
  for (const rate of [8_001, 11_025, 22_050, 44_100, 48_000]) {
    const sound = Float32Array.from({ length: 30_000 }, () => random.next() * 2 - 1)
    const whole = new Resampler(rate)
    const expected = [...whole.push(sound), ...whole.end()]
    const pieces = new Resampler(rate)
    const got: number[] = []
    for (let at = 0; at < sound.length; ) {
      const to = Math.min(sound.length, at + random.below(3_000))
      got.push(...pieces.push(sound.subarray(at, to)))
      at = to
    }
    got.push(...pieces.end())
    t.strictSame(got, expected, `${rate}`)
    const ideal = (sound.length * 8_000) / rate
    // A rate without a short ratio to 8 kHz is taken for the nearest one.
    t.ok(Math.abs(expected.length - ideal) <= 1 + ideal / 1_000, `${rate}: ${expected.length} samples for ${ideal}`)
  }
})

function sox(...args: string[]): void {
  execFileSync('sox', ['-R', '-D', ...args], { stdio: 'pipe' })
}

function open(bytes: Buffer): WavSound {
  const wav = readWav(bytes)
  if (!(wav instanceof WavSound)) throw new Error(wav.problem)
  return wav
}

/** Of each kind that sox can write: its arguments, and how much of the sound the kind may cost (correlation). */
const KINDS: readonly (readonly [string, string[], number])[] = [
  ['8 bit', ['-e', 'unsigned', '-b', '8'], 0.999],
  ['16 bit', ['-e', 'signed', '-b', '16'], 0.9999],
  ['24 bit', ['-e', 'signed', '-b', '24'], 0.9999],
  ['32 bit', ['-e', 'signed', '-b', '32'], 0.9999],
  ['float', ['-e', 'float', '-b', '32'], 0.9999],
  ['double', ['-e', 'float', '-b', '64'], 0.9999],
  ['A-law', ['-e', 'a-law', '-b', '8'], 0.999],
  ['µ-law', ['-e', 'mu-law', '-b', '8'], 0.999],
]

/** Where the sound begins is looked for. */
const EDGE = new Int16Array(16)

t.test('WAV files of every kind, rate and number of channels come out as the sound that went in', async (t) => {
  const folder = soundFolder(t)
  const source = glidingTones(1.5, seed)
  const raw = join(folder, 'source.raw')
  writeFileSync(raw, Buffer.from(source.buffer))
  const input = ['-t', 'raw', '-r', '8000', '-c', '1', '-e', 'signed', '-b', '16', '-L', raw]
  const rates = [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 192_000]
  let turn = 0
  for (const [kind, args, least] of KINDS) {
    for (const container of ['wav', 'wavpcm']) {
      // Every kind meets several rates and both mono and stereo without every pair being tried.
      const rate = rates[turn++ % rates.length]!
      const channels = 1 + (turn % 3)
      const file = join(folder, `${turn}.wav`)
      sox(...input, '-t', container, ...args, '-r', `${rate}`, '-c', `${channels}`, file)
      const wav = open(readFileSync(file))
      t.equal(wav.rate, rate)
      t.equal(wav.channels, channels)
      const pcm = phoneSound(wav)
      const { correlation, level } = likeness(source, Int16Array.from([...EDGE, ...pcm, ...EDGE]))
      t.ok(correlation > least, `${kind}, ${container}, ${rate} Hz, ${channels} channels: ${correlation}`)
      t.ok(level > 0.98 && level < 1.02, `${kind}: ${level}`)
      t.ok(Math.abs(pcm.length - source.length) <= 8, `${pcm.length} samples for ${source.length}`)
    }
  }
})

t.test('16 bits at 8 kHz come through untouched, the extremes included', async (t) => {
  const wav = open(
    wavFile([
      ['fmt ', plainFormat(1, 8_000, 16)],
      ['data', Buffer.from(ALL_SAMPLES.buffer)],
    ]),
  )
  t.strictSame(phoneSound(wav), ALL_SAMPLES)
})

function plainFormat(channels: number, rate: number, bits: number, tag = 1): Buffer {
  const format = Buffer.alloc(16)
  format.writeUInt16LE(tag, 0)
  format.writeUInt16LE(channels, 2)
  format.writeUInt32LE(rate, 4)
  format.writeUInt32LE(((rate * channels * bits) / 8) >>> 0, 8)
  format.writeUInt16LE((channels * bits) / 8, 12)
  format.writeUInt16LE(bits, 14)
  return format
}

function wavFile(chunks: readonly (readonly [string, Buffer])[]): Buffer {
  const parts = chunks.map(([name, content]) => {
    const head = Buffer.alloc(8)
    head.write(name, 'latin1')
    head.writeUInt32LE(content.length, 4)
    return Buffer.concat([head, content, Buffer.alloc(content.length % 2)])
  })
  const body = Buffer.concat(parts)
  const head = Buffer.from('RIFF\0\0\0\0WAVE', 'latin1')
  head.writeUInt32LE(body.length + 4, 4)
  return Buffer.concat([head, body])
}

t.test('chunks come in any order, with odd sizes, and with strange ones between', async (t) => {
  const sound = Buffer.from(Int16Array.from([1, -2, 300, -400, 5]).buffer)
  const format = plainFormat(1, 8_000, 16)
  const odd = ['LIST', Buffer.from('INFOISFT\x03\0\0\0abc', 'latin1')] as const
  for (const file of [
    wavFile([['fmt ', format], odd, ['data', sound]]),
    wavFile([['data', sound], odd, ['fmt ', format]]),
    wavFile([['JUNK', Buffer.alloc(28)], ['fmt ', Buffer.concat([format, Buffer.alloc(2)])], ['data', sound], odd]),
  ]) {
    t.strictSame([...phoneSound(open(file))], [1, -2, 300, -400, 5])
  }
  const octets = wavFile([['fmt ', plainFormat(1, 8_000, 8)], ['data', Buffer.from([0, 128, 255])], odd])
  t.strictSame([...phoneSound(open(octets))], [-32_768, 0, 32_512])
})

t.test('a header that could not know the length of its stream has the sound to the end', async (t) => {
  const sound = Buffer.from(glidingTones(0.1, seed).buffer)
  for (const [riff, data] of [
    [0, 0],
    [0xffff_ffff, 0xffff_ffff],
    [0xffff_ffff, 0],
    [0x7fff_f024, 0x7fff_f000],
  ]) {
    const file = wavFile([
      ['fmt ', plainFormat(1, 8_000, 16)],
      ['data', sound],
    ])
    file.writeUInt32LE(riff!, 4)
    file.writeUInt32LE(data!, 40)
    t.equal(open(file).frames, sound.length / 2, `${riff} ${data}`)
    t.equal(open(file.subarray(0, -1)).frames, sound.length / 2 - 1, 'half a sample at the end does not count')
  }
  t.equal(
    open(
      wavFile([
        ['fmt ', plainFormat(1, 8_000, 16)],
        ['data', Buffer.alloc(0)],
        ['JUNK', sound],
      ]),
    ).frames,
    0,
  )
})

t.test('espeak-ng and sox write to a pipe, and what they write is read', async (t) => {
  const spoken = open(execFileSync('espeak-ng', ['--stdout', 'Your appointment is on Monday at ten']))
  const pcm = phoneSound(spoken)
  const loudest = pcm.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
  t.ok(pcm.length > 8_000 && loudest > 3_000, `${pcm.length} samples, at most ${loudest}`)
  const raw = ['-t', 'raw', '-r', '8000', '-c', '1', '-e', 'signed', '-b', '16', '-']
  const piped = execFileSync('sox', [...raw, '-t', 'wav', '-'], { input: Buffer.alloc(3_200, 7), stdio: 'pipe' })
  t.equal(open(piped).frames, 1_600)
})

t.test('what is no WAV, or none that can be read, is refused in words that say what to do', async (t) => {
  const folder = soundFolder(t)
  const tone = ['-n', '-r', '8000', '-c', '1']
  const made = (name: string, ...args: string[]): Buffer => {
    sox(...tone, ...args, join(folder, name), 'synth', '0.1', 'sine', '400')
    return readFileSync(join(folder, name))
  }
  const data = ['data', Buffer.alloc(8)] as const
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [Buffer.alloc(0), /empty/],
    [Buffer.from('Dear patient'), /not a WAV file; save it as WAV/],
    [Buffer.from('ID3\x04\0\0\0\0\0\0\0\0'), /MP3/],
    [Buffer.from([0xff, 0xfb, 0x90, 0x64, 0, 0, 0, 0, 0, 0, 0, 0]), /MP3/],
    [made('a.aiff'), /AIFF/],
    [made('a.flac'), /FLAC/],
    [made('a.ogg'), /Ogg/],
    [made('a.au'), /AU file/],
    [made('gsm.wav', '-e', 'gsm'), /compressed \(GSM 6.10\)/],
    [made('ima.wav', '-e', 'ima'), /compressed \(IMA ADPCM\)/],
    [wavFile([data]), /no format/],
    [wavFile([['fmt ', plainFormat(1, 8_000, 16)]]), /no sound/],
    [wavFile([['fmt ', plainFormat(1, 8_000, 16).subarray(0, 14)], data]), /cut off/],
    [wavFile([['fmt ', plainFormat(0, 8_000, 16)], data]), /0 channels/],
    [wavFile([['fmt ', plainFormat(255, 8_000, 16)], data]), /255 channels/],
    [wavFile([['fmt ', plainFormat(1, 4_000, 16)], data]), /4000 samples a second/],
    [wavFile([['fmt ', plainFormat(1, 0xffff_ffff, 8)], data]), /4294967295 samples a second/],
    [wavFile([['fmt ', plainFormat(1, 8_000, 0)], data]), /samples of 0 bits/],
    [wavFile([['fmt ', plainFormat(1, 8_000, 64)], data]), /samples of 64 bits/],
    [wavFile([['fmt ', plainFormat(1, 8_000, 16, 0x1234)], data]), /the format 4660/],
  ]
  for (const [bytes, problem] of cases) {
    const wav = readWav(bytes)
    t.match('problem' in wav ? wav.problem : 'was read', problem)
  }
})

t.test('a WAV file that is cut off or changed anywhere never throws', async (t) => {
  const random = new Random(seed)
  const whole = wavFile([
    ['fmt ', plainFormat(2, 22_050, 24)],
    ['LIST', Buffer.alloc(7)],
    ['data', Buffer.from(glidingTones(0.05, seed).buffer)],
  ])
  let read = 0
  for (let round = 0; round < 3_000; round++) {
    const bytes = Buffer.from(whole.subarray(0, round % 3 === 0 ? random.below(whole.length) : whole.length))
    for (let n = random.below(4); n > 0 && bytes.length > 0; n--) bytes[random.below(bytes.length)] = random.below(256)
    // Most changes are made where they matter.
    if (bytes.length > 60) bytes[random.below(60)] = random.below(256)
    const wav = readWav(bytes)
    if (!(wav instanceof WavSound)) continue
    wav.mono(0, wav.frames)
    read++
  }
  t.ok(read > 300 && read < 3_000, `${read} of 3,000 were read`)
})

t.test('a sound file is there whole or not at all, and is known to be damaged', async (t) => {
  const folder = soundFolder(t)
  const path = join(folder, 'a.sound')
  const pcm = glidingTones(0.75, seed)
  await Promise.all(Array.from({ length: 5 }, async () => await writeSound(path, pcm)))
  t.strictSame(readdirSync(folder), ['a.sound'], 'nothing is left beside it')
  t.strictSame(await soundInfo(path), { samples: 6_000, ms: 750 })
  for (const codec of LAWS) t.ok((await readSound(path, codec)).equals(encodeG711(codec, pcm)), codec)

  await t.rejects(writeSound(join(folder, 'none', 'b.sound'), pcm), { code: 'ENOENT' })
  await t.rejects(readSound(join(folder, 'none'), 'pcma'), { code: 'ENOENT' })
  t.equal(await soundInfo(join(folder, 'none')), null)

  const bytes = packSound(pcm)
  bytes[20 + 6_000 + 100]! ^= 1
  writeFileSync(path, bytes)
  await t.rejects(readSound(path, 'pcma'), /checksum/)
  t.equal((await readSound(path, 'pcmu')).length, 6_000, 'the other law is whole')
  truncateSync(path, bytes.length - 1)
  t.equal(await soundInfo(path), null)
  await t.rejects(readSound(path, 'pcmu'), /no whole sound file/)
  for (let at = 0; at < 20; at++) {
    const head = packSound(pcm)
    head[at]! ^= 0x40
    writeFileSync(path, head)
    t.equal(await soundInfo(path), null, `octet ${at} of the header`)
  }
  await writeSound(path, new Int16Array(0))
  t.strictSame(await soundInfo(path), { samples: 0, ms: 0 })
  t.equal((await readSound(path, 'pcma')).length, 0)
})

t.test('sounds are read once for all calls, and only so much of them stays in memory', async (t) => {
  const folder = soundFolder(t)
  const files = Array.from({ length: 6 }, (_, n) => join(folder, `${n}.sound`))
  for (const file of files) await writeSound(file, glidingTones(0.1, seed))
  const cache = new SoundCache(2_000)
  const [first, same] = await Promise.all([cache.take(files[0]!, 'pcma'), cache.take(files[0]!, 'pcma')])
  t.equal(first, same, 'the same octets')
  await cache.take(files[0]!, 'pcmu')
  t.equal(cache.bytes, 1_600)
  for (const file of files.slice(1)) {
    await cache.take(file, 'pcma')
    cache.release(file, 'pcma')
  }
  t.ok(cache.bytes <= 2_000 + 800, `${cache.bytes} octets`)
  t.equal(await cache.take(files[0]!, 'pcma'), first, 'what is in use stays')
  for (let n = 0; n < 3; n++) cache.release(files[0]!, 'pcma')
  cache.release(files[0]!, 'pcmu')
  await t.rejects(cache.take(join(folder, 'none'), 'pcma'))
  await writeSound(join(folder, 'none'), glidingTones(0.1, seed))
  t.equal((await cache.take(join(folder, 'none'), 'pcma')).length, 800, 'what could not be read is tried again')
  t.ok(cache.bytes <= 2_000, `${cache.bytes} octets`)
})
