/** Encodings of files by the names that settings may use: our own short ones, and those of the IANA registry. */
const ENCODING_BY_NAME = {
  utf8: 'utf8',
  utf16le: 'utf16le',
  utf16be: 'utf16be',
  latin1: 'latin1',
  windows1252: 'windows1252',
  'utf-8': 'utf8',
  'UTF-8': 'utf8',
  'utf-16le': 'utf16le',
  'UTF-16LE': 'utf16le',
  'utf-16be': 'utf16be',
  'UTF-16BE': 'utf16be',
  'iso-8859-1': 'latin1',
  'ISO-8859-1': 'latin1',
  'windows-1252': 'windows1252',
} as const

export type FileEncodingName = keyof typeof ENCODING_BY_NAME
export type FileEncoding = (typeof ENCODING_BY_NAME)[FileEncodingName]

export const FILE_ENCODING_NAMES = Object.keys(ENCODING_BY_NAME) as FileEncodingName[]

export function fileEncoding(name: FileEncodingName): FileEncoding {
  return ENCODING_BY_NAME[name]
}
