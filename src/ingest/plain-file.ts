/** A file as the dry run can read it: a gzip file is unpacked into a temporary one for as long as it is looked at. */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isGzip, plainBytes } from '../engine/base/plain-bytes.js'
import { readHead } from './read-file.js'

/** @throws EngineError TOO_LARGE, FILE_NOT_CSV; what `work` throws. */
export async function withPlainFile<T>(file: string, work: (plain: string) => Promise<T>): Promise<T> {
  if (!isGzip(readHead(file, 2))) return await work(file)
  const folder = await mkdtemp(path.join(tmpdir(), 'trunkline-check-'))
  try {
    const plain = path.join(folder, 'plain.csv')
    await pipeline(Readable.from(plainBytes(createReadStream(file))), createWriteStream(plain))
    return await work(plain)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
