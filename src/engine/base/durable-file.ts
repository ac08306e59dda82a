/**
 * A small file that is there whole or not at all, after a power cut and on a full disk too: written beside, synced, renamed,
 * and its folder synced. What is derived from a key must not be on disk before the key is. Any thread.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import path from 'node:path'

/** Readable by its owner only. On disk when it returns. @throws the error of the file system; then the former file stays. */
export function writeDurably(file: string, text: string): void {
  const beside = `${file}.part`
  try {
    writeSynced(beside, Buffer.from(text))
    renameSync(beside, file)
  } catch (error) {
    rmSync(beside, { force: true })
    throw error
  }
  syncFolder(path.dirname(file))
}

function writeSynced(file: string, bytes: Buffer): void {
  const handle = openSync(file, 'w', 0o600)
  try {
    // A disk that is nearly full takes a part of it and says so only by the length.
    for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
