/**
 * What a parser gives to the row maker: one record after another as a window onto the bytes, reused. The scanner and
 * the general parser both are one, so that everything behind them is a single code path. Runs in the ingest threads.
 */

import type { MailBody } from '../engine/text/mail-body.js'
import type { SpeechBody } from '../engine/text/speech-body.js'

/** Answers of `next`. */
export const RECORD = 0
/** Everything was read, and the last record ended where the bytes end. */
export const END = 1
/** A record goes on beyond the bytes at hand; `offset` is where it starts. */
export const INCOMPLETE = 2
export type Next = typeof RECORD | typeof END | typeof INCOMPLETE

/**
 * What stands behind the bytes. final: nothing, so a record may end without a newline. cut: the next range, which starts
 * at a record. open: more of the same record, perhaps.
 */
export type Edge = 'final' | 'cut' | 'open'

export interface SourceRecord {
  /** Reason number of what is wrong with the record as a whole; 0 = nothing. */
  readonly problem: number
  /** Column from 0 at which it went wrong, -1 = none. */
  readonly problemColumn: number
  readonly fields: number
  /** Octets from the start of the bytes given; `length` includes the line end. */
  readonly offset: number
  readonly length: number
  /** Physical line from 0 within the bytes given. */
  readonly line: number
  /** An empty line, or one of nothing but delimiters. */
  readonly blank: boolean
  /** The field as text, '' when the record has no such field. Makes a string: ask only for what is used. */
  text(column: number): string
  /** Of a message that was stored before: the email as it was, whole; absent: a record of a file, or no email. */
  readonly mail?: MailBody | null
  /** The same of a call. */
  readonly speech?: SpeechBody | null
  /** False: the field has octets that are no text in the file's encoding, or control characters. */
  sound(column: number): boolean
}

export interface RecordSource extends SourceRecord {
  /** Starts anew on bytes[0, end). The bytes must not change until the next reset. */
  reset(bytes: Buffer, end: number, edge: Edge): void
  next(): Next
  /** Where the next record starts. */
  readonly position: number
  /** Line ends passed so far. */
  readonly lines: number
  /** After INCOMPLETE: the record is larger than limits.recordBytes, and the line end that it is passed over to is not there. */
  readonly overlong: boolean
  /** When overlong: where to look for that line end, in octets from the start of the bytes given, and line ends up to there. */
  readonly overlongFrom: number
  readonly overlongLines: number
}
