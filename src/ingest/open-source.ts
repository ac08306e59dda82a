/** Chooses the reader of a dialect: the byte scanner where it can, csv-parse for quotes and delimiters of other kinds. */
import type { Dialect } from '../engine/contract/ingest.js'
import { GeneralParser } from './general.js'
import type { RecordSource } from './record-source.js'
import { Scanner } from './scanner.js'
import { WideSource } from './wide-source.js'

type Shape = Pick<Dialect, 'encoding' | 'delimiter' | 'quote' | 'relaxQuotes'>

/** The common dialect in an encoding in which its octets are nothing else: ranges can be cut and read side by side. */
export function isCommon(dialect: Shape): boolean {
  return !dialect.encoding.startsWith('utf16') && isScannable(dialect)
}

/** A delimiter of one octet, quote `"`, and no quotes inside fields. */
function isScannable({ delimiter, quote, relaxQuotes }: Shape): boolean {
  return /^[\x09\x20-\x7e]$/.test(delimiter) && quote === '"' && !relaxQuotes
}

export function openSource(dialect: Shape): RecordSource {
  const { encoding, delimiter } = dialect
  if (!isScannable(dialect)) return new GeneralParser(dialect)
  if (encoding === 'utf16le' || encoding === 'utf16be') return new WideSource(encoding, delimiter)
  return new Scanner(encoding, delimiter)
}
