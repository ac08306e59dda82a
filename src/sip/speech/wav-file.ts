/** A WAV file of 8 kHz, mono, 16 bits: what a call lets be heard, for people to listen to. Speech thread, and simulated telephones. */
import { SAMPLES_PER_SECOND } from '../media/sound-file.js'

const HEAD_BYTES = 44
const FORMAT_BYTES = 16
const PCM = 1

export function writeWav(pcm16: Int16Array): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + pcm16.length * 2)
  bytes.write('RIFF', 0, 'latin1')
  bytes.writeUInt32LE(bytes.length - 8, 4)
  bytes.write('WAVEfmt ', 8, 'latin1')
  bytes.writeUInt32LE(FORMAT_BYTES, 16)
  bytes.writeUInt16LE(PCM, 20)
  bytes.writeUInt16LE(1, 22)
  bytes.writeUInt32LE(SAMPLES_PER_SECOND, 24)
  bytes.writeUInt32LE(SAMPLES_PER_SECOND * 2, 28)
  bytes.writeUInt16LE(2, 32)
  bytes.writeUInt16LE(16, 34)
  bytes.write('data', 36, 'latin1')
  bytes.writeUInt32LE(pcm16.length * 2, 40)
  for (let n = 0; n < pcm16.length; n++) bytes.writeInt16LE(pcm16[n]!, HEAD_BYTES + n * 2)
  return bytes
}
