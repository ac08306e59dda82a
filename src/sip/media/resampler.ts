/**
 * Brings sound of any rate to the 8 kHz of a telephone: one low-pass filter (a sinc under a Kaiser window, as polyphases)
 * that is flat to 3.5 kHz and has everything above 4.15 kHz down by more than 80 dB, so that nothing is folded back.
 * Works on pieces: what comes out does not depend on how the sound is cut. Speech thread.
 */
import assert from 'node:assert'

const OUT_RATE = 8_000
const CUTOFF_HZ = 3_850
const TRANSITION_HZ = 600
const STOP_DB = 90
/** Kaiser's formulas for the shape of the window and the length of the filter. */
const BETA = 0.1102 * (STOP_DB - 8.7)
const LENGTH_FACTOR = (STOP_DB - 7.95) / 14.36
/** A rate that has no shorter ratio to 8 kHz is taken for the nearest that has one: nobody hears 1 in 1,000. */
const PHASES_MAX = 640

export class Resampler {
  /** Output sample n stands at input sample n × step / phases. */
  readonly #phases: number
  readonly #step: number
  readonly #taps: number
  /** Coefficients of each phase, the oldest sample's first. */
  readonly #filter: Float64Array
  /** Input not done with, behind `#taps / 2` samples of silence before the first. */
  #held: Float32Array
  /** In `#held`, of the first sample that the next output needs. */
  #at = 0
  #phase = 0

  /** @param rate samples a second of the input: 8,000 or more. */
  constructor(rate: number) {
    assert(rate >= OUT_RATE && Number.isInteger(rate), 'a rate to come down from')
    const { over, under } = nearestRatio(OUT_RATE, rate, PHASES_MAX)
    this.#phases = over
    this.#step = under
    this.#taps = 2 * Math.ceil((LENGTH_FACTOR * rate) / TRANSITION_HZ / 2)
    this.#filter = designFilter(rate, this.#phases, this.#taps)
    this.#held = new Float32Array(this.#taps / 2 - 1)
  }

  /** The next of the output, as far as it can be known. */
  push(piece: Float32Array): Float32Array {
    const held = new Float32Array(this.#held.length - this.#at + piece.length)
    held.set(this.#held.subarray(this.#at))
    held.set(piece, this.#held.length - this.#at)
    this.#held = held
    this.#at = 0
    return this.#run()
  }

  /** The rest: as if silence followed. Nothing may be pushed after it. */
  end(): Float32Array {
    return this.push(new Float32Array(this.#taps / 2))
  }

  #run(): Float32Array {
    const taps = this.#taps
    const room = Math.max(0, Math.ceil(((this.#held.length - taps + 1) * this.#phases) / this.#step) + 1)
    const out = new Float32Array(room)
    let made = 0
    while (this.#at + taps <= this.#held.length) {
      out[made++] = this.#sample()
      this.#phase += this.#step
      const whole = Math.floor(this.#phase / this.#phases)
      this.#at += whole
      this.#phase -= whole * this.#phases
    }
    return out.subarray(0, made)
  }

  #sample(): number {
    const filter = this.#filter
    const held = this.#held
    const at = this.#at
    const first = this.#phase * this.#taps
    let sum = 0
    for (let n = 0; n < this.#taps; n++) sum += held[at + n]! * filter[first + n]!
    return sum
  }
}

/** Each phase sums up to 1: a steady signal stays steady. */
function designFilter(rate: number, phases: number, taps: number): Float64Array {
  const filter = new Float64Array(phases * taps)
  for (let phase = 0; phase < phases; phase++) {
    const coefficients = filter.subarray(phase * taps, (phase + 1) * taps)
    for (let n = 0; n < taps; n++) coefficients[n] = impulse(n - (taps / 2 - 1) - phase / phases, rate, taps)
    const sum = coefficients.reduce((total, value) => total + value, 0)
    for (let n = 0; n < taps; n++) coefficients[n]! /= sum
  }
  return filter
}

/** The filter's answer `offset` input samples beside its middle. */
function impulse(offset: number, rate: number, taps: number): number {
  const place = (2 * offset) / taps
  if (Math.abs(place) >= 1) return 0
  const angle = 2 * Math.PI * (CUTOFF_HZ / rate) * offset
  const sinc = angle === 0 ? 1 : Math.sin(angle) / angle
  return sinc * bessel(BETA * Math.sqrt(1 - place * place))
}

/** Modified Bessel function of the first kind, order 0, by its series. */
function bessel(x: number): number {
  let sum = 1
  let term = 1
  for (let n = 1; term > sum * 1e-12; n++) {
    term *= (x / (2 * n)) ** 2
    sum += term
  }
  return sum
}

/** numerator / denominator in lowest terms, or the nearest fraction whose numerator is at most `overMax` (continued fractions). */
function nearestRatio(numerator: number, denominator: number, overMax: number): { over: number; under: number } {
  let [over, under] = [1, 0]
  let [lastOver, lastUnder] = [0, 1]
  let [high, low] = [numerator, denominator]
  while (low !== 0) {
    const whole = Math.floor(high / low)
    const next = { over: whole * over + lastOver, under: whole * under + lastUnder }
    if (next.over > overMax) break
    ;[lastOver, lastUnder] = [over, under]
    ;[over, under] = [next.over, next.under]
    ;[high, low] = [low, high - whole * low]
  }
  return { over, under }
}
