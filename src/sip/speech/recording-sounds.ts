/**
 * Sounds of recordings, under dataDir/recordings by the SHA-256 of what they sound like: converted once when they are
 * uploaded, and never changed, so that what was accepted with one plays that one. Speech thread.
 */

import { createHash } from 'node:crypto'
import { mkdir, open, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { crashPoint } from '../../engine/base/crash-point.js'
import type { Clock } from '../../engine/contract/clock.js'
import { EngineError } from '../../engine/contract/errors.js'
import type { KeptSound } from '../../engine/contract/speech-work.js'
import { decodeG711 } from '../media/g711.js'
import { phoneSound } from '../media/phone-sound.js'
import { readSound, writeSound } from '../media/sound-file.js'
import { readWav } from '../media/wav.js'
import { isSilent } from './sound-shape.js'
import { writeWav } from './wav-file.js'
import { isWhole } from './whole-sound.js'

/** Programs may count their last block wrongly; what is missing more was lost on the way. */
const CUT_SECONDS = 0.1

export class RecordingSounds {
  readonly folder: string
  readonly #clock: Pick<Clock, 'now'>

  constructor(folder: string, clock: Pick<Clock, 'now'>) {
    this.folder = folder
    this.#clock = clock
  }

  /** Durable when it resolves. @throws EngineError RECORDING_INVALID with the remedy, and errors of the file system. */
  async keep(bytes: Buffer, maxSeconds: number): Promise<KeptSound> {
    const wav = readWav(bytes)
    if ('problem' in wav) throw invalid(wav.problem)
    if (wav.frames === 0) throw invalid('the WAV file holds no sound; record it again')
    const { seconds, rate, channels, missingSeconds } = wav
    if (missingSeconds > CUT_SECONDS) {
      const is = `the WAV file is cut off: ${seconds.toFixed(1)} of ${(seconds + missingSeconds).toFixed(1)} seconds are there`
      throw invalid(`${is}; copy it again`)
    }
    if (seconds > maxSeconds) {
      const is = `the recording lasts ${Math.ceil(seconds)} seconds`
      throw invalid(`${is} and may last ${maxSeconds}; shorten it, or raise speech.maxSeconds`)
    }
    const pcm = phoneSound(wav)
    if (isSilent(pcm)) throw invalid('the recording is silence; check the microphone and record it again')
    const octets = new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength)
    const sha256 = createHash('sha256').update(octets).digest('hex')
    await this.#store(sha256, pcm)
    return { sha256, seconds: Math.round(seconds * 1000) / 1000, rate, channels }
  }

  async #store(sha256: string, pcm: Int16Array): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    const path = join(this.folder, sha256)
    // What is there already becomes young again: the sweep takes what nobody has named for long.
    if (!(await isWhole(path))) await writeSound(path, pcm)
    else await utimes(path, this.#clock.now() / 1000, this.#clock.now() / 1000)
    await sync(path)
    await sync(this.folder)
    crashPoint('recording-kept')
  }

  /** WAV; null: there is none. */
  async audio(sha256: string): Promise<Buffer | null> {
    try {
      return writeWav(decodeG711('pcma', await readSound(join(this.folder, sha256), 'pcma')))
    } catch {
      return null
    }
  }
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function invalid(problem: string): EngineError {
  const sentence = problem[0]!.toUpperCase() + problem.slice(1)
  return new EngineError('RECORDING_INVALID', `${sentence}.`, { fields: [{ pointer: '', message: problem }] })
}
