/** Looks for a number, an address or a text in the raw files of a data directory, in every form in which the stores write it. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { toBufferKey } from 'ordered-binary'
import { numberTail } from '../src/engine/base/number-tail.js'

/** Where it is found, such as `queue/data.mdb utf8 × 3`; empty: nowhere. */
export function tracesOf(folder: string, needles: Record<string, Buffer>): string[] {
  return filesIn(folder).flatMap((file) => {
    const bytes = readFileSync(file)
    return Object.entries(needles).flatMap(([name, needle]) => {
      const times = count(bytes, needle)
      return times === 0 ? [] : [`${relative(folder, file)} ${name} × ${times}`]
    })
  })
}

function filesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    const stat = lstatSync(path)
    if (stat.isDirectory()) return filesIn(path)
    // The lock of LMDB is shared memory.
    return stat.isFile() && name !== 'lock.mdb' ? [path] : []
  })
}

function count(bytes: Buffer, needle: Buffer): number {
  let times = 0
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) times++
  return times
}

/** Digits as text, with the country code and as people of the country write it; as an integer in a value and in a key; the end of it. */
export function formsOf(digits: string, national: string): Record<string, Buffer> {
  const double = Buffer.alloc(8)
  double.writeDoubleLE(Number(digits))
  const tail = Buffer.alloc(4)
  tail.writeUInt32LE(numberTail(Buffer.from(digits), 0, digits.length))
  return {
    digits: Buffer.from(digits),
    national: Buffer.from(national),
    utf16: Buffer.from(digits, 'utf16le'),
    double,
    key: Buffer.from(toBufferKey(Number(digits))),
    tail,
  }
}

/** A text of Latin letters, and one that goes as UCS-2. */
export function formsOfText(text: string): Record<string, Buffer> {
  return { [text]: Buffer.from(text), [`${text} ucs2`]: Buffer.from(text, 'utf16le').swap16() }
}
