/** A file as the engine would store it: one that is gzip-compressed is unpacked beside the system's temporary files. */
import { closeSync, createReadStream, createWriteStream, openSync, readSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { plainBytes } from '../engine/base/plain-bytes.js'

const GZIP = Buffer.from([0x1f, 0x8b])

/** `use` gets the path of the plain file, which is gone afterwards if it was unpacked. @throws as plainBytes. */
export async function withPlainFile<T>(path: string, use: (path: string) => Promise<T>): Promise<T> {
  if (!isPacked(path)) return await use(path)
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-check-'))
  try {
    const plain = join(folder, 'plain.csv')
    await pipeline(Readable.from(plainBytes(createReadStream(path))), createWriteStream(plain, { mode: 0o600 }))
    return await use(plain)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function isPacked(path: string): boolean {
  const file = openSync(path, 'r')
  try {
    const head = Buffer.alloc(GZIP.length)
    return readSync(file, head) === GZIP.length && head.equals(GZIP)
  } finally {
    closeSync(file)
  }
}
