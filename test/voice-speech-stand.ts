/** The speech thread as engine and dispatcher have it, with programs of a test's own in the place of espeak-ng. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import type { Test } from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import type { Config } from '../src/engine/config/schema.js'
import { silentLog } from '../src/engine/contract/log.js'
import { metricsMemory } from '../src/engine/observe/shared-metrics.js'
import type { SpeechBody } from '../src/engine/text/speech-body.js'
import { decodeG711 } from '../src/sip/media/g711.js'
import type { Clip, Codec } from '../src/sip/media/media.js'
import { readSound } from '../src/sip/media/sound-file.js'
import type { PreparedSpeech, SpeechProblem } from '../src/sip/speech/speech.js'
import { SpeechLink } from '../src/sip/speech/speech-link.js'
import { SpeechKeeper } from '../src/start-speech.js'

export interface SpeechStand {
  folder: string
  keeper: SpeechKeeper
  /** Of the dispatcher. */
  prepare(body: SpeechBody): Promise<PreparedSpeech | SpeechProblem>
  /** One text. */
  speak(text: string, language?: string): Promise<PreparedSpeech | SpeechProblem>
  /** Ends the thread as a crash would. */
  crash(): Promise<void>
  stop(): Promise<void>
}

export function tempFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-speech-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** `speech`: that part of the configuration, as JSON. */
export function speechConfig(folder: string, speech: object): Config {
  const carriers = [{ id: 'pbx', protocol: 'sip', host: '127.0.5.1', callerId: '+441632960001' }]
  const yaml = JSON.stringify({ dataDir: folder, carriers, speech })
  return parseConfig(yaml, { name: 'test', folder, env: {} })
}

export function startSpeech(t: Test, folder: string, speech: object = {}): SpeechStand {
  const workers: Worker[] = []
  const seen = (worker: Worker) => void workers.push(worker)
  process.on('worker', seen)
  const keeper = new SpeechKeeper({ config: speechConfig(folder, speech), log: silentLog, metrics: metricsMemory() })
  const link = new SpeechLink()
  keeper.serve((port) => link.use(port))
  const stop = async () => {
    process.off('worker', seen)
    await keeper.stop()
  }
  t.teardown(stop)
  const prepare = (body: SpeechBody) =>
    new Promise<PreparedSpeech | SpeechProblem>((resolve) => {
      link.prepare(body, resolve)
    })
  return {
    ...{ folder, keeper, prepare, stop },
    speak: (text, language = '') => prepare({ language, items: [{ text }] }),
    async crash() {
      await workers.at(-1)!.terminate()
    },
  }
}

/** A program that notes each start in `FOLDER/starts` and then goes on with the shell text. */
export function program(folder: string, shell: string): { command: string[]; starts(): number } {
  const file = join(folder, 'speak.sh')
  const notes = join(folder, 'starts')
  writeFileSync(file, `#!/bin/sh\necho x >> '${notes}'\n${shell}\n`)
  chmodSync(file, 0o755)
  return {
    command: [file, '{voice}', '{rate}'],
    starts: () => (existsSync(notes) ? readFileSync(notes, 'latin1').length / 2 : 0),
  }
}

export const ESPEAK = 'exec espeak-ng --stdin --stdout -b 1 -v "$1" -s "$2"'

export function wasPrepared(result: PreparedSpeech | SpeechProblem): PreparedSpeech {
  if ('reason' in result) throw new Error(`${result.reason}: ${result.detail}`)
  return result
}

export function filesOf({ clips }: { clips: readonly Clip[] }): string[] {
  return clips.flatMap((clip) => ('file' in clip ? [clip.file] : []))
}

export async function pcmOf(file: string, codec: Codec = 'pcma'): Promise<Int16Array> {
  return decodeG711(codec, await readSound(file, codec))
}

/** The best normalised correlation of two sounds, one of which may begin up to `shiftMax` samples later or earlier. */
export function correlation(left: Int16Array, right: Int16Array, shiftMax = 800): number {
  let best = 0
  for (let shift = -shiftMax; shift <= shiftMax; shift++) best = Math.max(best, correlationAt(left, right, shift))
  return best
}

function correlationAt(left: Int16Array, right: Int16Array, shift: number): number {
  let [both, ofLeft, ofRight] = [0, 0, 0]
  for (let n = 0; n < left.length; n++) {
    const other = right[n + shift] ?? 0
    both += left[n]! * other
    ofLeft += left[n]! ** 2
    ofRight += other ** 2
  }
  return both / Math.sqrt(ofLeft * ofRight || 1)
}
