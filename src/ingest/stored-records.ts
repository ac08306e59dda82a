/**
 * Stored messages as records of a file: the number, the text as it was sent or would have been, and the time of its own. A
 * retry reads them instead of the file, so that all behind it is the one path of every row: today's routes, prices, rules
 * and opt-outs. Ingest threads, once per message.
 */
import type { ColumnPlan, StoredPick } from '../engine/contract/ingest.js'
import { blankMessage, CODINGS, type OutgoingMessage } from '../engine/contract/message.js'
import { BlockReader, type RecordFacts } from '../engine/store/block.js'
import { erasedOf } from '../engine/store/redacted-block.js'
import { type MailBody, unpackMail } from '../engine/text/mail-body.js'
import { textOf } from '../engine/text/segment.js'
import { type SpeechBody, unpackSpeech } from '../engine/text/speech-body.js'
import type { SourceRecord } from './record-source.js'

/** Columns of the source's file, with the text, the time and the zone in three of our own behind its last. */
export function storedColumns(columns: ColumnPlan): ColumnPlan {
  const width = columns.labels.length
  return {
    ...columns,
    phones: columns.phones.slice(0, 1),
    phonesMode: 'first',
    text: width,
    sendAt: width + 1,
    sendAtTime: -1,
    keyword: -1,
    timeZone: width + 2,
    language: -1,
  }
}

const message = blankMessage()

function mailOf({ bytes, partStarts, partLengths }: OutgoingMessage): MailBody {
  return unpackMail(bytes, partStarts[0]!, partStarts[0]! + partLengths[0]!)
}

function speechOf({ bytes, partStarts, partLengths }: OutgoingMessage): SpeechBody {
  return unpackSpeech(bytes, partStarts[0]!, partStarts[0]! + partLengths[0]!)
}

export class StoredRecords implements SourceRecord {
  readonly problem = 0
  readonly problemColumn = -1
  readonly blank = false
  readonly fields: number
  readonly #text: number
  readonly #sendAt: number
  readonly #zoneColumn: number
  readonly #nowSeconds: number
  #facts!: RecordFacts
  #number = ''
  #body = ''
  #mail: MailBody | null = null
  #speech: SpeechBody | null = null
  #zone = ''

  /** `columns`: of storedColumns. A time that is over is left out: such a message goes at once. */
  constructor(columns: ColumnPlan, nowSeconds: number) {
    this.fields = columns.labels.length
    this.#text = columns.text
    this.#sendAt = columns.sendAt
    this.#zoneColumn = columns.timeZone
    this.#nowSeconds = nowSeconds
  }

  get offset(): number {
    return this.#facts.offset
  }
  get length(): number {
    return this.#facts.length
  }
  get line(): number {
    return this.#facts.line
  }

  /** The email as it was, with its way out. */
  get mail(): MailBody | null {
    return this.#mail
  }

  /** The call as it was, with greeting and closing. */
  get speech(): SpeechBody | null {
    return this.#speech
  }

  text(column: number): string {
    if (column === this.#text) return this.#body
    if (column === this.#zoneColumn) return this.#zone
    if (column !== this.#sendAt) return this.#number
    const { dueSeconds } = this.#facts
    return dueSeconds <= this.#nowSeconds ? '' : new Date(dueSeconds * 1000).toISOString()
  }

  /** It was checked before it was stored. */
  sound(): boolean {
    return true
  }

  /** Calls `each` for every picked message of the block that is whole; returns how many. */
  read(bytes: Buffer, { places }: StoredPick, each: (record: SourceRecord) => void): number {
    const reader = new BlockReader(bytes)
    if (!reader.intact) return 0
    this.#zone = reader.zone
    let count = 0
    for (let place = 0; place < reader.count; place++) {
      if ((places[place >> 3]! & (1 << (place & 7))) === 0 || !reader.read(place, message)) continue
      if (erasedOf(reader, place) !== null) continue
      this.#facts = reader.facts(place)
      this.#number = reader.recipient(place)
      this.#body = ''
      this.#mail = CODINGS[message.coding] === 'mail' ? mailOf(message) : null
      this.#speech = CODINGS[message.coding] === 'speech' ? speechOf(message) : null
      for (let part = 0; part < message.partCount; part++) {
        const start = message.partStarts[part]!
        this.#body += textOf(message.bytes, start, start + message.partLengths[part]!, message)
      }
      count++
      each(this)
    }
    return count
  }
}
