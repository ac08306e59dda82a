/**
 * Sound as it is kept on disk for calls: 8 kHz mono in both laws of G.711, so that nothing is coded while it is played.
 * Written whole by the speech thread, read by the media thread.
 *
 * Layout (little endian): 0 'TSF1' · 4 u32 samples · 8 u32 CRC-32 of the µ-law · 12 u32 CRC-32 of the A-law · 16 u32
 * CRC-32 of octets 0 to 15 · 20 the µ-law, one octet a sample · then the A-law.
 */
import assert from 'node:assert'
import { type FileHandle, open, rename, rm, writeFile } from 'node:fs/promises'
import { threadId } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import { encodeG711 } from './g711.js'
import type { Codec } from './media.js'

export const SAMPLES_PER_SECOND = 8_000
export const SAMPLES_PER_MS = 8

const MAGIC = 'TSF1'
const HEAD_BYTES = 20
const CHECKED_BYTES = 16
/** An hour: far more than any call may last. */
const SAMPLES_MAX = 3_600 * SAMPLES_PER_SECOND
let written = 0

export interface SoundInfo {
  samples: number
  /** Rounded up. */
  ms: number
}

interface SoundHead extends SoundInfo {
  /** CRC-32 of each law. */
  sums: Readonly<Record<Codec, number>>
}

/** The file of a sound in memory. `pcm16`: 8 kHz, mono, at most an hour. */
export function packSound(pcm16: Int16Array): Buffer {
  assert(pcm16.length <= SAMPLES_MAX, 'a sound lasts at most an hour')
  const pcmu = encodeG711('pcmu', pcm16)
  const pcma = encodeG711('pcma', pcm16)
  const head = Buffer.alloc(HEAD_BYTES)
  head.write(MAGIC, 'latin1')
  head.writeUInt32LE(pcm16.length, 4)
  head.writeUInt32LE(crc32(pcmu), 8)
  head.writeUInt32LE(crc32(pcma), 12)
  head.writeUInt32LE(crc32(head.subarray(0, CHECKED_BYTES)), CHECKED_BYTES)
  return Buffer.concat([head, pcmu, pcma])
}

/**
 * The file is there whole or not at all; two writers of one path do no harm. Not synced: after a power cut it may be empty,
 * which `soundInfo` says. Rejects with the error of the file system (ENOSPC …).
 */
export async function writeSound(path: string, pcm16: Int16Array): Promise<void> {
  const beside = `${path}.${process.pid}-${threadId}-${++written}.part`
  try {
    await writeFile(beside, packSound(pcm16))
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
}

/** What is in a file by its header and its size; null: there is none, or it is not whole. Cheap: the sound is not read. */
export async function soundInfo(path: string): Promise<SoundInfo | null> {
  const file = await open(path, 'r').catch(() => null)
  if (file === null) return null
  try {
    const head = await readHead(file)
    return head === null ? null : { samples: head.samples, ms: head.ms }
  } finally {
    await file.close()
  }
}

/** The sound in one law, checked. @throws Error that says what is wrong with the file. */
export async function readSound(path: string, codec: Codec): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const head = await readHead(file)
    if (head === null) throw new Error('is no whole sound file')
    const start = HEAD_BYTES + (codec === 'pcmu' ? 0 : head.samples)
    const sound = Buffer.allocUnsafeSlow(head.samples)
    const { bytesRead } = await file.read(sound, 0, head.samples, start)
    if (bytesRead !== head.samples || crc32(sound) !== head.sums[codec]) throw new Error('does not match its checksum')
    return sound
  } finally {
    await file.close()
  }
}

async function readHead(file: FileHandle): Promise<SoundHead | null> {
  const head = Buffer.alloc(HEAD_BYTES)
  const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0)
  if (bytesRead !== HEAD_BYTES || head.toString('latin1', 0, 4) !== MAGIC) return null
  if (crc32(head.subarray(0, CHECKED_BYTES)) !== head.readUInt32LE(CHECKED_BYTES)) return null
  const samples = head.readUInt32LE(4)
  if (samples > SAMPLES_MAX || (await file.stat()).size !== HEAD_BYTES + samples * 2) return null
  const sums = { pcmu: head.readUInt32LE(8), pcma: head.readUInt32LE(12) }
  return { samples, ms: Math.ceil(samples / SAMPLES_PER_MS), sums }
}
