/** Fixtures that are too large to keep: the same bytes at each call. Their names stand in test/fixtures/csv.json. */
import { gzipSync } from 'node:zlib'
import { limits } from '../src/engine/contract/limits.js'

const builders: Record<string, () => Buffer> = {
  '07-scientific-many': () => scientific(11),
  '07-scientific-few': () => scientific(10),
  '14-unclosed-large': unclosedLarge,
  '21-nul-late': nulLate,
  '22-gzip-bomb': () => gzipSync(Buffer.alloc(20 << 20, 'phone,name\n')),
  '28-caps': caps,
  '28-one-row': () => Buffer.alloc(6 << 20, 'x'),
}

export function built(name: string): Buffer {
  const build = builders[name]
  if (build === undefined) throw new Error(`nothing builds ${name}`)
  return build()
}

/** A thousand rows, the first `cut` of them as a spreadsheet cuts numbers. */
function scientific(cut: number): Buffer {
  const lines = Array.from(
    { length: 1_000 },
    (_, row) => `${row < cut ? '4.47401E+11' : `+${447400800000 + row}`},N${row}`,
  )
  return Buffer.from(`phone,name\n${lines.join('\n')}\n`)
}

/** A quote on line 102 that is never closed, and far more than a record's cap behind it. */
function unclosedLarge(): Buffer {
  const lines = Array.from({ length: 5_000 }, (_, row) => `+${447400800000 + row},${row === 100 ? '"open' : `N${row}`}`)
  return Buffer.from(`phone,name\n${lines.join('\n')}\n`)
}

/** NUL and an octet that is no UTF-8, both in a column that the text does not use, behind the 4 MiB that decide. */
function nulLate(): Buffer {
  const row = (number: number, note: string) => `+${447400000000 + number},N${number},${note}\n`
  const rows = Array.from({ length: 4_799 }, (_, number) => row(number, 'an ordinary note '.repeat(55)))
  const bytes = Buffer.from(
    `phone,name,note\n${rows.join('')}${row(1, 'a\0b')}${row(2, 'caf\x01')}${row(4_799, 'the last note')}`,
  )
  bytes[bytes.indexOf(1)] = 0xe9
  if (bytes.indexOf(0) < limits.sniffBytes) throw new Error('the NUL comes too early')
  return bytes
}

/** Each cap reached and passed by one, every bad record between two good ones. */
function caps(): Buffer {
  const x = (count: number) => 'x'.repeat(count)
  const number = (index: number) => `+447400123${400 + index}`
  const ofSize = (index: number, bytes: number) => {
    const fields = `${number(index)},${`${x(15_000)},`.repeat(4)}`
    return `${fields}${x(bytes - fields.length)}`
  }
  const lines = [
    'phone,a,b,c,d,e',
    `${number(28)},${x(limits.fieldBytes)},,,,`,
    `${number(29)},${x(limits.fieldBytes + 1)},,,,`,
    ofSize(30, limits.recordBytes),
    ofSize(31, limits.recordBytes + 1),
    `${number(32)},,,,,`,
    `${number(33)}${','.repeat(limits.columns)}`,
    `${number(34)},,,,,`,
    `${number(35)},"${x(1 << 20)}",,,,`,
    `${number(36)}${','.repeat(1_000_000)}`,
    ',,,,,,,',
    `${number(38)},,,,,`,
  ]
  return Buffer.from(`${lines.join('\n')}\n`)
}
