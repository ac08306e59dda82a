/** Recognises what is renamed to .csv and is none, by its first octets, and says what to do about it. */
import { EngineError } from '../engine/contract/errors.js'

const OTHER_FILES: readonly (readonly [number[], string])[] = [
  [[0x50, 0x4b, 0x03, 0x04], 'a ZIP archive or an Excel workbook (.xlsx); open it and save the sheet as "CSV UTF-8"'],
  [[0x50, 0x4b, 0x05, 0x06], 'an empty ZIP archive'],
  [[0xff, 0xfe, 0x00, 0x00], 'UTF-32 text; save it as "CSV UTF-8"'],
  [[0x00, 0x00, 0xfe, 0xff], 'UTF-32 text; save it as "CSV UTF-8"'],
  [[0xd0, 0xcf, 0x11, 0xe0], 'an old Excel workbook (.xls); open it and save the sheet as "CSV UTF-8"'],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF; export the table as CSV from the program that made it'],
  [[0x1f, 0x8b], 'gzip-compressed; unpack it first'],
  [[0x42, 0x5a, 0x68], 'bzip2-compressed; unpack it first'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'xz-compressed; unpack it first'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd-compressed; unpack it first'],
  [[0x37, 0x7a, 0xbc, 0xaf], 'a 7z archive; unpack it first'],
  [[0x7b, 0x5c, 0x72, 0x74, 0x66], 'an RTF document; export the table as CSV'],
]

/** What begins so is markup or JSON: a table never does. */
const OTHER_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^\s*<(?:!doctype|html|\?xml|table|meta)\b/i, 'an HTML or XML page; export the table as CSV'],
  [/^\s*(?:\[\s*)?\{\s*"/, 'JSON; send it as `recipients` of the job, or export the table as CSV'],
]
const TEXT_SAMPLE = 256

/** @throws EngineError FILE_NOT_CSV. */
export function refuseOtherFiles(head: Buffer): void {
  for (const [magic, what] of OTHER_FILES) {
    if (magic.every((octet, index) => head[index] === octet)) {
      throw new EngineError('FILE_NOT_CSV', `The file is ${what}.`)
    }
  }
  const text = head.toString('utf8', 0, TEXT_SAMPLE).replace(/^\ufeff/, '')
  for (const [beginning, what] of OTHER_TEXTS) {
    if (beginning.test(text)) throw new EngineError('FILE_NOT_CSV', `The file is ${what}.`)
  }
}
