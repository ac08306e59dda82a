/** Recognises what is renamed to .csv and is none, by its first octets, and says what to do about it. */
import { EngineError } from '../engine/contract/errors.js'

const ZIP = [0x50, 0x4b, 0x03, 0x04]
const OTHER_FILES: readonly (readonly [number[], string])[] = [
  [[0x50, 0x4b, 0x05, 0x06], 'an empty ZIP archive'],
  [[0xff, 0xfe, 0x00, 0x00], 'UTF-32 text; save it as "CSV UTF-8"'],
  [[0x00, 0x00, 0xfe, 0xff], 'UTF-32 text; save it as "CSV UTF-8"'],
  [[0xd0, 0xcf, 0x11, 0xe0], 'an old Excel workbook (.xls); open it and save the sheet as "CSV UTF-8"'],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF; export the table as CSV from the program that made it'],
  // One layer of gzip was taken off before the file came here.
  [[0x1f, 0x8b], 'gzip-compressed more than once; compress it once, or send it as it is'],
  [[0x42, 0x5a, 0x68], 'bzip2-compressed; unpack it first, or compress it with gzip'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'xz-compressed; unpack it first, or compress it with gzip'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd-compressed; unpack it first, or compress it with gzip'],
  [[0x37, 0x7a, 0xbc, 0xaf], 'a 7z archive; unpack it and send the CSV file in it'],
  [[0x52, 0x61, 0x72, 0x21], 'a RAR archive; unpack it and send the CSV file in it'],
  [[0x7b, 0x5c, 0x72, 0x74, 0x66], 'an RTF document; export the table as CSV'],
]

/** What begins so is markup or JSON: a table never does. */
const OTHER_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^\s*<(?:!doctype|html|\?xml|table|meta)\b/i, 'an HTML or XML page; export the table as CSV'],
  [/^\s*(?:\[\s*)?\{\s*"/, 'JSON; send it as `recipients` of the job, or export the table as CSV'],
]
const TEXT_SAMPLE = 256

/** POSIX tar: the magic behind the first header's name, mode and sizes. */
const TAR_MAGIC_AT = 257
/** ZIP local file header (APPNOTE 4.3.7): the length of the first entry's name, and where the name is. */
const ZIP_NAME_LENGTH_AT = 26
const ZIP_NAME_AT = 30
const ZIP_SAMPLE = 2048

/** @throws EngineError FILE_NOT_CSV. */
export function refuseOtherFiles(head: Buffer): void {
  const what = otherFile(head)
  if (what !== null) throw new EngineError('FILE_NOT_CSV', `The file is ${what}.`)
}

function otherFile(head: Buffer): string | null {
  if (startsWith(head, ZIP)) return zipKind(head)
  for (const [magic, what] of OTHER_FILES) if (startsWith(head, magic)) return what
  if (head.toString('latin1', TAR_MAGIC_AT, TAR_MAGIC_AT + 5) === 'ustar') {
    return 'a tar archive; unpack it and send the CSV file in it'
  }
  const text = head.toString('utf8', 0, TEXT_SAMPLE).replace(/^\ufeff/, '')
  return OTHER_TEXTS.find(([beginning]) => beginning.test(text))?.[1] ?? null
}

function startsWith(head: Buffer, magic: number[]): boolean {
  return magic.every((octet, index) => head[index] === octet)
}

function zipKind(head: Buffer): string {
  const length = head.length < ZIP_NAME_AT ? 0 : head.readUInt16LE(ZIP_NAME_LENGTH_AT)
  const name = head.toString('utf8', ZIP_NAME_AT, ZIP_NAME_AT + length)
  const sample = head.toString('latin1', 0, ZIP_SAMPLE)
  if (/opendocument\.spreadsheet/.test(sample)) {
    return 'an OpenDocument spreadsheet (.ods); open it and save the sheet as CSV in UTF-8'
  }
  if (/^(?:\[Content_Types\]\.xml|_rels\/|xl\/|docProps\/)/.test(name)) {
    return 'an Excel workbook (.xlsx); open it and save the sheet as "CSV UTF-8"'
  }
  if (/\.(?:csv|tsv|txt)$/i.test(name)) return `a ZIP archive with ${name}; unpack it, or compress the file with gzip`
  return 'a ZIP archive or an Excel workbook (.xlsx); unpack it, or open it and save the sheet as "CSV UTF-8"'
}
