/** Chooses the parser of a dialect: the byte scanner where it can, csv-parse for everything else. */
import type { Dialect } from '../engine/contract/ingest.js'
import { GeneralParser } from './general.js'
import type { RecordSource } from './record-source.js'
import { Scanner } from './scanner.js'

type Shape = Pick<Dialect, 'encoding' | 'delimiter' | 'quote'>

/** The common dialect: one-octet delimiter, quote `"`, an encoding in which these octets are nothing else. */
export function isCommon(dialect: Shape): boolean {
  return !dialect.encoding.startsWith('utf16') && /^[\x09\x20-\x7e]$/.test(dialect.delimiter) && dialect.quote === '"'
}

export function openSource(dialect: Shape): RecordSource {
  const { encoding } = dialect
  if (isCommon(dialect) && encoding !== 'utf16le' && encoding !== 'utf16be') {
    return new Scanner(encoding, dialect.delimiter)
  }
  return new GeneralParser(dialect)
}
