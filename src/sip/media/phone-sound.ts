/** A WAV file as a telephone can play it: 8 kHz, mono, 16 bits. Done in pieces. Speech thread. */
import { Resampler } from './resampler.js'
import { SAMPLES_PER_SECOND } from './sound-file.js'
import type { WavSound } from './wav.js'

const PIECE_FRAMES = 16_384

/** What lies above 4 kHz is filtered out first; a file of 8 kHz comes out as it is. */
export function phoneSound(wav: WavSound): Int16Array {
  const pcm = new Int16Array(Math.ceil(wav.seconds * SAMPLES_PER_SECOND))
  const resampler = wav.rate === SAMPLES_PER_SECOND ? null : new Resampler(wav.rate)
  let made = 0
  for (let from = 0; from < wav.frames; from += PIECE_FRAMES) {
    const piece = wav.mono(from, Math.min(wav.frames, from + PIECE_FRAMES))
    made += toPcm16(resampler === null ? piece : resampler.push(piece), pcm.subarray(made))
  }
  if (resampler !== null) toPcm16(resampler.end(), pcm.subarray(made))
  return pcm
}

/** How many samples were written: all that fit. */
function toPcm16(samples: Float32Array, into: Int16Array): number {
  const count = Math.min(samples.length, into.length)
  for (let n = 0; n < count; n++) into[n] = Math.max(-0x8000, Math.min(0x7fff, Math.round(samples[n]! * 0x8000)))
  return count
}
