/**
 * A program that stands in for a speech program in the demo, on machines that have none: text on stdin, on stdout as WAV a soft
 * tone for each word, as long as the word takes to be said at the rate (words per minute) of its argument. Nobody will take it
 * for speech, and everything behind it works as with real speech.
 */
import { readFileSync } from 'node:fs'

const RATE = 8_000
const HEADER_BYTES = 44
const LETTERS_A_WORD = 6
const LOUDNESS = 6_000
const LOWEST_HZ = 180
const STEPS = 12

function spoken(text: string, wordsPerMinute: number): Int16Array {
  const samplesALetter = (RATE * 60) / wordsPerMinute / LETTERS_A_WORD
  const words = text.split(/\s+/).filter((word) => word !== '')
  const lengths = words.map((word) => Math.round((word.length + 1) * samplesALetter))
  const samples = new Int16Array(lengths.reduce((sum, length) => sum + length, 0))
  let at = 0
  for (const [n, word] of words.entries()) {
    const sound = lengths[n]! - Math.round(samplesALetter)
    const hertz = LOWEST_HZ * 2 ** ((word.charCodeAt(0) % STEPS) / STEPS)
    for (let k = 0; k < sound; k++) {
      samples[at + k] = LOUDNESS * Math.sin((2 * Math.PI * hertz * k) / RATE) * Math.sin((Math.PI * k) / sound)
    }
    at += lengths[n]!
  }
  return samples
}

/** RIFF with one channel of 16 bits. */
function wav(samples: Int16Array): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + samples.length * 2)
  bytes.write('RIFF    WAVEfmt ', 0, 'latin1')
  bytes.writeUInt32LE(bytes.length - 8, 4)
  for (const [n, field] of [16, 0x0001_0001, RATE, RATE * 2, 0x0010_0002].entries())
    bytes.writeUInt32LE(field, 16 + n * 4)
  bytes.write('data', 36, 'latin1')
  bytes.writeUInt32LE(samples.length * 2, 40)
  for (const [n, sample] of samples.entries()) bytes.writeInt16LE(sample, HEADER_BYTES + n * 2)
  return bytes
}

process.stdout.write(wav(spoken(readFileSync(0, 'utf8'), Number(process.argv[2] ?? 150))))
