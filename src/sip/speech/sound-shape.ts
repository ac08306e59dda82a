/** How speech is made fit for a telephone: no silence around it, and as loud as everybody else. 8 kHz, 16 bits. Speech thread. */

/** 50 dB below full scale: what is softer is heard as silence. */
const SILENT = 104
/** Kept before the first and after the last sound, so that no consonant is cut off: 30 ms. */
const EDGE_SAMPLES = 240
/** 3 dB below full scale. */
const PEAK = 23_197
/** 12 dB: hiss is not made speech. */
const GAIN_MAX = 4

function peakOf(pcm: Int16Array): number {
  let peak = 0
  for (const sample of pcm) peak = Math.max(peak, Math.abs(sample))
  return peak
}

export function isSilent(pcm: Int16Array): boolean {
  return peakOf(pcm) < SILENT
}

/** Empty: it was silence. */
export function trimmed(pcm: Int16Array): Int16Array {
  const first = pcm.findIndex(isHeard)
  if (first < 0) return pcm.subarray(0, 0)
  const last = pcm.findLastIndex(isHeard)
  return pcm.subarray(Math.max(0, first - EDGE_SAMPLES), last + 1 + EDGE_SAMPLES)
}

function isHeard(sample: number): boolean {
  return Math.abs(sample) >= SILENT
}

/** Its peak 3 dB below full scale, as far as that takes no more than 12 dB. In place. */
export function levelled(pcm: Int16Array): Int16Array {
  const gain = Math.min(GAIN_MAX, PEAK / Math.max(1, peakOf(pcm)))
  for (let n = 0; n < pcm.length; n++) pcm[n] = Math.round(pcm[n]! * gain)
  return pcm
}
