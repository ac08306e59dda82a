/**
 * Texts become sound before anybody is dialled: spoken by a program beside us, real espeak-ng or one that misbehaves, once for
 * however many messages, kept over restarts and kills, whatever the text holds.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { SpeechProblem } from '../src/sip/speech/speech.js'
import { spokenText } from '../src/sip/speech/spoken-text.js'
import { findVoice, parseVoices } from '../src/sip/speech/voices.js'
import { until } from './until.js'
import {
  correlation,
  ESPEAK,
  filesOf,
  pcmOf,
  program,
  startSpeech,
  tempFolder,
  wasPrepared,
} from './voice-speech-stand.js'

// Many processes, which a busy machine starts slowly.
t.setTimeout(580_000)

const HELLO = 'Hello. Your appointment is on Tuesday at half past nine.'

/** As another tool makes it of what espeak-ng says: 8 kHz, raw. */
function bySox(text: string, voice: string, rate: number): Int16Array {
  const wav = execFileSync('espeak-ng', ['--stdin', '--stdout', '-b', '1', '-v', voice, '-s', String(rate)], {
    input: text,
  })
  const args = ['-q', '--ignore-length', '-t', 'wav', '-', '-r', '8000', '-c', '1', '-b', '16', '-e', 'signed']
  const raw = execFileSync('sox', [...args, '-t', 'raw', '-'], { input: wav, stdio: ['pipe', 'pipe', 'ignore'] })
  return new Int16Array(raw.buffer, raw.byteOffset, raw.length / 2)
}

t.test('a text sounds as its program speaks it, in both laws, without silence around it', async (t) => {
  const { speak } = startSpeech(t, tempFolder(t), { language: 'en-GB', rate: 160 })
  const ready = wasPrepared(await speak(HELLO))
  const [file] = filesOf(ready)
  const reference = bySox(HELLO, 'en-gb', 160)
  for (const codec of ['pcma', 'pcmu'] as const) {
    const pcm = await pcmOf(file!, codec)
    t.ok(correlation(pcm.subarray(0, 16_000), reference, 1_600) > 0.98, codec)
    const peak = Math.max(...pcm)
    t.ok(peak > 20_000 && peak < 26_000, `${codec}: its peak is 3 dB below full scale (${peak})`)
    const first = pcm.findIndex((sample) => Math.abs(sample) > 500)
    t.ok(first < 800, `${codec}: it begins within a tenth of a second`)
    t.equal(Math.ceil(pcm.length / 8), ready.totalMs)
  }
})

t.test('a play list is texts, recordings and pauses in order; its closing does not count as message', async (t) => {
  const { prepare, keeper } = startSpeech(t, tempFolder(t))
  const { sha256 } = await keeper.keep(tone())
  const items = [{ recording: sha256 }, { pauseMs: 300 }, { text: 'One.' }, { text: '!!!' }, { text: 'Press nine.' }]
  const ready = wasPrepared(await prepare({ language: 'en', items, closing: 1 }))
  t.match(ready.clips, [{ file: /recordings/ }, { pauseMs: 300 }, { file: /speech/ }, { file: /speech/ }])
  t.equal(ready.clips.length, 4, 'punctuation alone is nothing')
  const lengths = await Promise.all(filesOf(ready).map(async (file) => Math.ceil((await pcmOf(file)).length / 8)))
  t.equal(lengths[0], 500)
  t.equal(ready.totalMs, 300 + lengths.reduce((sum, ms) => sum + ms))
  t.equal(ready.messageMs, ready.totalMs - lengths[2]!)
})

/** Half a second. */
function tone(): Buffer {
  return execFileSync('sox', ['-n', '-r', '16000', '-b', '16', '-t', 'wav', '-', 'synth', '0.5', 'sine', '440'])
}

t.test('nobody is called to hear a recording that was damaged since it was played last', async (t) => {
  const folder = tempFolder(t)
  const { prepare, keeper } = startSpeech(t, folder)
  const wav = tone()
  const { sha256 } = await keeper.keep(wav)
  const items = [{ recording: sha256 }]
  const [file] = filesOf(wasPrepared(await prepare({ language: '', items })))
  const broken = readFileSync(file!)
  broken[3_000]! ^= 0x10
  writeFileSync(file!, broken)
  t.match(await prepare({ language: '', items }), { reason: 'RECORDING_UNKNOWN', isTemporary: false })
  t.equal((await keeper.keep(wav)).sha256, sha256)
  t.match(wasPrepared(await prepare({ language: '', items })), { totalMs: 500 }, 'uploaded again it is heard')
})

t.test('a closing that nobody can speak is left out of a message of recordings', async (t) => {
  const folder = tempFolder(t)
  const first = startSpeech(t, folder)
  const { sha256 } = await first.keeper.keep(tone())
  const offer = { items: [{ recording: sha256 }, { text: 'Press nine.' }], closing: 1 }
  const foreign = wasPrepared(await first.prepare({ language: 'qaa', ...offer }))
  t.match([foreign.clips.length, foreign.totalMs, foreign.messageMs], [1, 500, 500], 'no voice of its language')
  await first.stop()
  const second = startSpeech(t, folder, { command: ['no-such-program'] })
  t.match(await second.prepare({ language: '', ...offer }), { totalMs: 500 }, 'no program')
  const text = { language: '', items: [{ text: 'Hello' }, { text: 'Press nine.' }], closing: 1 }
  t.match(await second.prepare(text), { reason: 'SPEECH_UNAVAILABLE' }, 'of a message nothing is left out')
})

t.test('1,000 messages with one text render once, at once and one after the other and after a restart', async (t) => {
  const folder = tempFolder(t)
  const { command, starts } = program(folder, ESPEAK)
  const first = startSpeech(t, folder, { command })
  const all = await Promise.all(Array.from({ length: 1_000 }, () => first.speak(HELLO)))
  const files = new Set(all.flatMap((result) => filesOf(wasPrepared(result))))
  t.equal(files.size, 1)
  t.equal(starts(), 1, 'the program was started once')
  wasPrepared(await first.speak(`  ${HELLO.replace(' ', ' \n\t ')}`))
  t.equal(starts(), 1, 'white space makes no other text')
  wasPrepared(await first.speak('Caf\u00e9'))
  wasPrepared(await first.speak('Cafe\u0301'))
  t.equal(starts(), 2, 'nor does how an accent is written')
  await first.stop()
  const second = startSpeech(t, folder, { command })
  wasPrepared(await second.speak(HELLO))
  t.equal(starts(), 2, 'what was spoken is kept over a restart')
  await second.stop()
  const faster = startSpeech(t, folder, { command, rate: 200 })
  wasPrepared(await faster.speak(HELLO))
  wasPrepared(await faster.speak(HELLO, 'de'))
  t.equal(starts(), 4, 'another rate and another language are other sounds')
})

t.test('a text is data and nothing else, whatever it holds', async (t) => {
  const folder = tempFolder(t)
  const marker = join(folder, 'touched')
  const heard = join(folder, 'heard')
  const { command } = program(folder, `echo "$#" "$@" > '${heard}.args'\ncat > '${heard}'\n${ESPEAK} < '${heard}'`)
  const { speak } = startSpeech(t, folder, { command })
  const texts = [
    `$(touch ${marker})`,
    `\`touch ${marker}\``,
    `'; touch ${marker} #`,
    `"; touch ${marker} #`,
    `a\ntouch ${marker}\nb`,
    `--help -v de -w ${marker}`,
    `-f /etc/passwd`,
    `<speak>A<audio src="/etc/passwd"/></speak>`,
    '[[h@l@U]] hello',
    'A\u0001 12v B\u0000C',
    'Half a \ud83d pair',
    'Good morning 😀👍🏽🇬🇧 to you',
    'word '.repeat(400),
  ]
  for (const text of texts) {
    const result = await speak(text)
    t.ok(filesOf(wasPrepared(result)).length === 1, JSON.stringify(text.slice(0, 40)))
    t.equal(readFileSync(heard, 'utf8'), spokenText(text), 'the program reads it on stdin')
    t.equal(readFileSync(`${heard}.args`, 'utf8').trim(), '2 en 150', 'and nothing of it among its arguments')
  }
  t.notOk(existsSync(marker))
})

t.test('what nobody would read out is left out of the spoken text', async (t) => {
  const cases: [string, string][] = [
    ['See https://example.com/a, or http://x.org', 'See example.com/a, or x.org'],
    ['At 14:30 on 1.12., call +44 1632 960001', 'At 14:30 on 1.12., call +44 1632 960001'],
    ['Happy birthday 🎂❤️!', 'Happy birthday !'],
    ['1\ufe0f\u20e3 and © Smith', '1 and © Smith'],
    ['a\u0000b\u0007c\r\nd', 'a b c d'],
    ['soft\u00adhyphen \u202egnp.exe', 'softhyphen gnp.exe'],
    ['می\u200cخواهم', 'می\u200cخواهم'],
    ['... !? —', ''],
    ['😀', ''],
    ['', ''],
    ['7', '7'],
  ]
  for (const [text, spoken] of cases) t.equal(spokenText(text), spoken, JSON.stringify(text))
})

t.test('a play list of nothing that can be heard is refused before anybody is dialled', async (t) => {
  const { prepare, speak } = startSpeech(t, tempFolder(t))
  t.match(await speak('... !!!'), { reason: 'SPEECH_FAILED', isTemporary: false })
  t.match(await prepare({ language: '', items: [{ pauseMs: 500 }] }), { reason: 'SPEECH_FAILED' })
  const closing = { language: '', items: [{ pauseMs: 500 }, { text: 'Press nine.' }], closing: 1 }
  t.match(await prepare(closing), { reason: 'SPEECH_FAILED', detail: /nothing to be heard/ })
  const unknown = { language: '', items: [{ recording: 'ab'.repeat(32) }, { text: 'Hello' }] }
  t.match(await prepare(unknown), { reason: 'RECORDING_UNKNOWN', isTemporary: false, detail: /upload it again/ })
})

t.test('voices are found by language, from the longest tag to the shortest, and never guessed', async (t) => {
  const table = parseVoices(execFileSync('espeak-ng', ['--voices'], { encoding: 'utf8' }))
  const cases: [string, string | null][] = [
    ['de', 'de'],
    ['de-AT', 'de'],
    ['en', 'en-gb'],
    ['en-GB', 'en-gb'],
    ['en-US', 'en-us'],
    ['en-ZA', 'en-gb'],
    ['pt-BR', 'pt-br'],
    ['pt-AO', 'pt'],
    ['fr-CA', 'fr-fr'],
    ['no', 'nb'],
    ['zh-Hans-CN', 'cmn'],
    ['tlh', null],
    ['d', null],
    ['-v', null],
    ['../de', null],
    ['de; rm', null],
    ['', null],
  ]
  for (const [language, voice] of cases) t.equal(findVoice(table, language), voice, language)
  const { speak, keeper } = startSpeech(t, tempFolder(t), { voices: { 'en-IE': 'en-gb-scotland', tlh: 'de' } })
  t.match(await speak('Hello', 'en-IE'), { clips: [{ file: String }] })
  t.match(await speak('nuqneH', 'tlh'), { clips: [{ file: String }] })
  const refused = { reason: 'LANGUAGE_UNSPOKEN', isTemporary: false, detail: /no voice speaks "qaa".*speech.voices/ }
  t.match(await speak('Hello', 'qaa'), refused)
  t.match(keeper.refusal('qaa'), { reason: 'LANGUAGE_UNSPOKEN' }, 'which is known before anything is accepted')
  t.equal(keeper.refusal('de-CH'), null)
  t.equal(keeper.refusal(''), null)
})

t.test('a program that fails says why, and what it says does not repeat the text', async (t) => {
  const folder = tempFolder(t)
  const { command } = program(folder, 'cat > /dev/null; echo "cannot say Secretword to Ann: no such voice" >&2; exit 3')
  const { speak } = startSpeech(t, folder, { command })
  const result = (await speak('Secretword for Ann')) as SpeechProblem
  t.match(result, { reason: 'SPEECH_FAILED', isTemporary: true, detail: /code 3: cannot say … to …: no such voice/ })
})

const SILENCE = 'exec sox -n -r 8000 -b 16 -t wav - trim 0 1'

t.test('what is no speech is a failure: no sound, no WAV, silence, a signal, no end', async (t) => {
  const cases: [string, string, RegExp, boolean][] = [
    ['nothing', 'exit 0', /wrote no sound/, true],
    ['no WAV', 'echo hello', /no WAV that can be read/, true],
    ['silence', SILENCE, /silence/, false],
    ['a signal', 'kill -SEGV $$', /SIGSEGV/, true],
    ['no end', 'exec sox -n -r 8000 -b 16 -t wav - synth 3600 sine 440', /longer than 5 seconds/, false],
    ['noise without end', 'exec cat /dev/zero', /no WAV that can be read/, true],
  ]
  for (const [name, shell, detail, isTemporary] of cases) {
    const folder = tempFolder(t)
    const stand = startSpeech(t, folder, { command: program(folder, shell).command, maxSeconds: 5 })
    t.match(await stand.speak('Hello'), { reason: 'SPEECH_FAILED', detail, isTemporary }, name)
    t.strictSame(readdirSync(join(folder, 'speech')), [], `${name}: nothing is kept`)
    await stand.stop()
  }
})

t.test('a program that hangs is killed in time, with all that it started', async (t) => {
  const folder = tempFolder(t)
  const pids = join(folder, 'pids')
  const { command } = program(folder, `echo $$ >> '${pids}'; sleep 600 & echo $! >> '${pids}'; wait`)
  const { speak } = startSpeech(t, folder, { command, timeoutMs: 300 })
  t.match(await speak('Hello'), { reason: 'SPEECH_FAILED', isTemporary: true, detail: /300 ms \(speech.timeoutMs\)/ })
  for (const pid of readFileSync(pids, 'latin1').trim().split('\n')) {
    await until(
      async () => runs(Number(pid)),
      (isRunning) => !isRunning,
    )
    t.pass(`${pid} is gone`)
  }
})

/** A zombie that nobody has reaped yet runs no more. */
function runs(pid: number): boolean {
  if (!existsSync(`/proc/${pid}`)) return false
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return false
  }
}

t.test('a stop ends programs that run', async (t) => {
  const folder = tempFolder(t)
  const pids = join(folder, 'pids')
  const { command } = program(folder, `echo $$ >> '${pids}'; exec sleep 600`)
  const { speak, stop } = startSpeech(t, folder, { command, timeoutMs: 600_000 })
  const asked = speak('Hello')
  await until(async () => existsSync(pids) && statSync(pids).size > 0, Boolean)
  await stop()
  const pid = Number(readFileSync(pids, 'latin1'))
  await until(
    async () => runs(pid),
    (isRunning) => !isRunning,
  )
  t.pass('it is gone')
  // Nobody answers any more, or it was answered that we stop.
  void asked
})

t.test('a program that is missing is named with the remedy, and is used once it is there', async (t) => {
  const folder = tempFolder(t)
  const command = [join(folder, 'speak.sh'), '{voice}', '{rate}']
  const { speak, keeper } = startSpeech(t, folder, { command })
  const missing = { reason: 'SPEECH_UNAVAILABLE', isTemporary: true, detail: /is not there.*speech.command/ }
  t.match(await speak('Hello'), missing)
  t.match(keeper.refusal(''), { reason: 'SPEECH_UNAVAILABLE' })
  t.match(keeper.note(), { name: 'speech', ok: false })
  program(folder, ESPEAK)
  t.match(await speak('Hello'), { clips: [{ file: String }] }, 'without a restart')
  await until(async () => keeper.note()!.ok, Boolean)
  rmSync(command[0]!)
  t.match(await speak('Hello'), { clips: [{ file: String }] }, 'what was spoken is still there when it has gone')
  t.match(await speak('Something else'), missing)
  await until(
    async () => keeper.note()!.ok,
    (ok) => !ok,
  )
})

t.test('a sound that is missing, cut off or broken is spoken again', async (t) => {
  const folder = tempFolder(t)
  const { command, starts } = program(folder, ESPEAK)
  const first = startSpeech(t, folder, { command })
  const [file] = filesOf(wasPrepared(await first.speak(HELLO)))
  const whole = readFileSync(file!)
  rmSync(file!)
  wasPrepared(await first.speak(HELLO))
  t.equal(starts(), 2)
  truncateSync(file!, 1_000)
  wasPrepared(await first.speak(HELLO))
  t.equal(starts(), 3)
  const broken = Buffer.from(whole)
  broken[5_000]! ^= 0x10
  writeFileSync(file!, broken)
  wasPrepared(await first.speak(HELLO))
  t.equal(starts(), 4, 'also where it was whole when it was looked at before')
  rmSync(join(folder, 'speech'), { recursive: true })
  wasPrepared(await first.speak(HELLO))
  t.equal(starts(), 5, 'and when the folder is cleared away')
  await first.stop()
  writeFileSync(file!, broken)
  writeFileSync(`${file}.123-4-5.part`, 'what a killed process left')
  const second = startSpeech(t, folder, { command })
  wasPrepared(await second.speak(HELLO))
  t.equal(starts(), 6)
  t.strictSame(readFileSync(file!), whole)
  t.strictSame(readdirSync(join(folder, 'speech')).length, 1, 'what was half written is gone')
})

t.test('a thread that dies loses no play list, and answers none twice', async (t) => {
  const folder = tempFolder(t)
  const gate = join(folder, 'gate')
  const { command, starts } = program(folder, `while [ ! -e '${gate}' ]; do sleep 0.05; done; ${ESPEAK}`)
  const stand = startSpeech(t, folder, { command })
  let answers = 0
  const asked = ['One', 'Two'].map((text) => stand.speak(text).finally(() => answers++))
  await until(
    async () => starts(),
    (count) => count > 0,
  )
  await stand.crash()
  writeFileSync(gate, '')
  for (const result of await Promise.all(asked)) t.equal(filesOf(wasPrepared(result)).length, 1)
  wasPrepared(await stand.speak('Three'))
  t.equal(answers, 2)
})
