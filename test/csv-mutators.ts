/** Files as customers' systems write them, and what happens to such files on their way; all from one seed. */
import type { Random } from '../src/engine/base/random.js'
import type { CsvSettings } from '../src/engine/contract/job.js'

export interface RealFile {
  bytes: Buffer
  /** How it was written: what a customer would set when the file cannot be told any more. */
  csv: CsvSettings
}

const NAMES = ['Ann', 'José', 'Zoë "Z" Müller', 'O’Brien', 'Li, Wei', '', 'Bob', 'Łukasz', '=1+1', '~name~', 'Åse']
const NOTES = [
  '',
  'call first',
  'two\nlines',
  'a "quoted" word',
  'x, y; z\t|',
  '12,50',
  'two\r\nlines',
  ' spaced ',
  "it's",
]

interface Style {
  delimiter: string
  lineEnd: string
  encoding: 'utf8' | 'utf16le' | 'utf16be' | 'windows1252'
  isMarked: boolean
  isQuotedAlways: boolean
  header: boolean
  /** Numbers written as ="…", which no other reader takes. */
  isGuarded?: boolean
}

const STYLES: readonly Style[] = [
  {
    delimiter: ',',
    lineEnd: '\n',
    encoding: 'utf8',
    isMarked: false,
    isQuotedAlways: false,
    header: true,
    isGuarded: true,
  },
  { delimiter: ',', lineEnd: '\n', encoding: 'utf8', isMarked: false, isQuotedAlways: false, header: true },
  { delimiter: ',', lineEnd: '\r\n', encoding: 'utf8', isMarked: true, isQuotedAlways: true, header: true },
  { delimiter: ';', lineEnd: '\r\n', encoding: 'windows1252', isMarked: false, isQuotedAlways: false, header: true },
  { delimiter: '\t', lineEnd: '\r\n', encoding: 'utf16le', isMarked: true, isQuotedAlways: false, header: true },
  { delimiter: ';', lineEnd: '\n', encoding: 'utf16be', isMarked: false, isQuotedAlways: true, header: true },
  { delimiter: '|', lineEnd: '\r', encoding: 'utf8', isMarked: false, isQuotedAlways: false, header: true },
  { delimiter: ',', lineEnd: '\n', encoding: 'utf8', isMarked: false, isQuotedAlways: false, header: false },
]

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)]!
}

function numberOf(random: Random, rows: number, { isGuarded = false }: Style): string {
  const digits = String(123400 + random.below(2 * rows))
  return pick(random, [
    `+447400${digits}`,
    `07400${digits}`,
    `07400 ${digits.slice(0, 3)} ${digits.slice(3)}`,
    `447400${digits}`,
    isGuarded ? `="00447400${digits}"` : `0044 7400${digits}`,
    pick(random, ['12', '', '4.47E+11', '07400 123456 x12', '+99912345678', '0906 123 4567']),
  ])
}

/** Columns: number, name, note. */
export function realFile(random: Random): RealFile {
  const style = pick(random, STYLES)
  const rows = 3 + random.below(12)
  const cell = (text: string) => {
    const mustQuote = style.isQuotedAlways || /["\r\n]/.test(text) || text.includes(style.delimiter)
    return mustQuote && !text.startsWith('="') ? `"${text.replaceAll('"', '""')}"` : text
  }
  const lines = style.header ? [['mobile', 'name', 'note'].map(cell).join(style.delimiter)] : []
  for (let row = 0; row < rows; row++) {
    const cells = [numberOf(random, rows, style), pick(random, NAMES), pick(random, NOTES)]
    lines.push(cells.map(cell).join(style.delimiter))
  }
  const text = lines.join(style.lineEnd) + (random.below(4) === 0 ? '' : style.lineEnd)
  const { delimiter, encoding, header } = style
  return { bytes: encoded(text, style), csv: { delimiter, encoding, header } }
}

function encoded(text: string, { encoding, isMarked }: Style): Buffer {
  const whole = isMarked ? `\ufeff${text}` : text
  if (encoding === 'utf8') return Buffer.from(whole)
  if (encoding === 'windows1252') return Buffer.from(whole.replaceAll('’', '\x92').replaceAll('Ł', 'L'), 'latin1')
  const bytes = Buffer.from(whole, 'utf16le')
  return encoding === 'utf16be' ? bytes.swap16() : bytes
}

export type Mutator = (bytes: Buffer, random: Random) => Buffer

function splice(bytes: Buffer, at: number, remove: number, put: Buffer | string): Buffer {
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(put as string), bytes.subarray(at + remove)])
}

function place(bytes: Buffer, random: Random): number {
  return random.below(bytes.length + 1)
}

/** Offset of one of the octets that are wanted; a random one when there is none. */
function one(bytes: Buffer, random: Random, wanted: readonly number[]): number {
  const start = random.below(bytes.length)
  for (let step = 0; step < bytes.length; step++) {
    const at = (start + step) % bytes.length
    if (wanted.includes(bytes[at]!)) return at
  }
  return start
}

/** Start and end of the line around a random place, its LF or CR with it. */
function line(bytes: Buffer, random: Random): [number, number] {
  const at = random.below(bytes.length)
  const start = Math.max(bytes.lastIndexOf(0x0a, at - 1), bytes.lastIndexOf(0x0d, at - 1)) + 1
  const ends = [bytes.indexOf(0x0a, at), bytes.indexOf(0x0d, at)].filter((end) => end >= 0)
  return [Math.min(start, at), ends.length === 0 ? bytes.length : Math.min(...ends) + 1]
}

const insert =
  (...texts: (string | Buffer)[]): Mutator =>
  (bytes, random) =>
    splice(bytes, place(bytes, random), 0, pick(random, texts))
const remove =
  (...octets: number[]): Mutator =>
  (bytes, random) =>
    splice(bytes, one(bytes, random, octets), 1, '')
const replace =
  (octets: number[], ...texts: string[]): Mutator =>
  (bytes, random) =>
    splice(bytes, one(bytes, random, octets), 1, pick(random, texts))

const DELIMITERS = [0x2c, 0x3b, 0x09, 0x7c]

export const mutators: Record<string, Mutator> = {
  bitFlipped: (bytes, random) => {
    const copy = Buffer.from(bytes)
    copy[random.below(copy.length)]! ^= 1 << random.below(8)
    return copy
  },
  octetLost: (bytes, random) => splice(bytes, random.below(bytes.length), 1, ''),
  octetTwice: (bytes, random) => {
    const at = random.below(bytes.length)
    return splice(bytes, at, 0, bytes.subarray(at, at + 1))
  },
  octetsSwapped: (bytes, random) => {
    const at = random.below(Math.max(1, bytes.length - 1))
    return splice(bytes, at, 2, Buffer.from([bytes[at + 1] ?? 0x20, bytes[at]!]))
  },
  quotePut: insert('"'),
  quoteTaken: remove(0x22),
  quoteInField: (bytes, random) => splice(bytes, line(bytes, random)[0] + 2, 0, '"'),
  quotesPut: insert('""', '"""', '","', '"x"y', '"\n"', '"'.repeat(40)),
  delimiterPut: insert(',', ';', '\t', '|'),
  delimiterTaken: remove(...DELIMITERS),
  delimiterOther: replace(DELIMITERS, ',', ';', '\t', '|', ':'),
  lineEndPut: insert('\n', '\r', '\r\n'),
  lineEndTaken: remove(0x0a, 0x0d),
  lineEndOther: replace([0x0a, 0x0d], '\n', '\r', '\r\n', '\n\r'),
  lineEndsMixed: (bytes, random) => {
    let copy = bytes
    for (let count = 0; count < 6; count++) copy = mutators.lineEndOther!(copy, random)
    return copy
  },
  cutOff: (bytes, random) => bytes.subarray(0, Math.max(1, place(bytes, random))),
  headLost: (bytes, random) => bytes.subarray(random.below(Math.min(bytes.length, 40))),
  nulPut: insert('\0'),
  controlPut: insert('\x07', '\x1a', '\x7f', '\x1b'),
  markInside: insert('\ufeff', Buffer.from([0xff, 0xfe])),
  fieldLong: insert('x'.repeat(20_000)),
  recordLong: insert('y,'.repeat(35_000)),
  columnsMany: insert(','.repeat(300)),
  utf8Broken: insert(Buffer.from([0xc3, 0x28]), Buffer.from([0xff]), Buffer.from([0xed, 0xa0, 0x80])),
  otherEncoding: insert(Buffer.from([0xe9]), Buffer.from('é', 'utf16le'), 'é', Buffer.from([0x80])),
  lineLost: (bytes, random) => {
    const [start, end] = line(bytes, random)
    return splice(bytes, start, end - start, '')
  },
  lineTwice: (bytes, random) => {
    const [start, end] = line(bytes, random)
    return splice(bytes, end, 0, bytes.subarray(start, end))
  },
  linesBlank: insert('\n\n\n', '\r\n,,\r\n', ';;;\n'),
  pieceOverwritten: (bytes, random) => {
    const size = 1 + random.below(30)
    return splice(bytes, place(bytes, random), size, Buffer.from(Array.from({ length: size }, () => random.below(256))))
  },
  piecesMoved: (bytes, random) => {
    const at = place(bytes, random)
    return Buffer.concat([bytes.subarray(at), bytes.subarray(0, at)])
  },
  otherFileBehind: (bytes, random) => Buffer.concat([bytes, realFile(random).bytes]),
  excelGuards: insert('="0044', "'07400123499", '4,47701E+11'),
}

const NAMES_OF_MUTATORS = Object.keys(mutators)

/** A file after one to three accidents; `names` says which. */
export function mutated(random: Random): RealFile & { names: string[] } {
  const { bytes, csv } = realFile(random)
  const names = Array.from({ length: 1 + random.below(3) }, () => pick(random, NAMES_OF_MUTATORS))
  let result = bytes
  for (const name of names) if (result.length > 0) result = mutators[name]!(result, random)
  // Half a unit at the end refuses the whole file, which is seen soon enough.
  const isHalf = csv.encoding!.startsWith('utf16') && result.length % 2 === 1 && random.below(5) > 0
  return { bytes: isHalf ? result.subarray(0, -1) : result, csv, names }
}

/**
 * About so many bytes of rows under one header: three pieces in a hundred had an accident when `isDamaged`, else all rows are
 * well formed, if not well filled.
 */
export function largeFile(random: Random, size: number, isDamaged: boolean): Buffer {
  const style: Style = { ...STYLES[1]!, isQuotedAlways: false }
  const pieces: Buffer[] = [Buffer.from('mobile,name,note\n')]
  for (let bytes = 0, piece = 0; bytes < size; piece++) {
    const lines: string[] = []
    for (let row = 0; row < 40; row++) {
      const note = pick(random, NOTES)
      lines.push(`${numberOf(random, 200_000, style)},N${piece}-${row},"${note.replaceAll('"', '""')}"\n`)
    }
    let next: Buffer = Buffer.from(lines.join(''))
    const hurt = isDamaged && random.below(30) === 0 ? mutators[pick(random, NAMES_OF_MUTATORS)]!(next, random) : next
    // A NUL in its head refuses the whole file.
    if (!hurt.includes(0)) next = hurt
    pieces.push(next)
    bytes += next.length
  }
  return Buffer.concat(pieces)
}
