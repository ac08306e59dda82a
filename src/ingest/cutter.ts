/**
 * Cuts the texts of one kind of route, with the last text kept: a constant text is cut once. Says also what a text costs
 * only because of typographic characters. Ingest threads, once per row.
 */
import { CODINGS } from '../engine/contract/message.js'
import { type Segmented, Segmenter, type SegmentOptions } from '../engine/text/segment.js'

const UCS2 = CODINGS.indexOf('ucs2')
/** Scripts of which no character is in the table of transliteration: such a text is not looked at twice. */
const OTHER_SCRIPT = /[\u0400-\u1dff\u3040-\udfff]/

export class Cutter {
  readonly #segmenter: Segmenter
  /** Cuts the same text transliterated; null: that is done anyway. */
  readonly #plain: Segmenter | null
  #text: string | null = null
  #segmented: Segmented | null = null
  #saved = -1

  constructor(options: SegmentOptions) {
    this.#segmenter = new Segmenter(options)
    this.#plain = options.transliterate ? null : new Segmenter({ ...options, transliterate: true })
  }

  cut(text: string): Segmented {
    if (this.#segmented === null || this.#text !== text) {
      this.#segmented = this.#segmenter.segment(text)
      this.#text = text
      this.#saved = this.#segmented.coding === UCS2 ? this.#savedBy(text, this.#segmented) : -1
    }
    return this.#segmented
  }

  /** Parts that transliteration would have saved on the text just cut; -1: it would still be UCS-2, or is none. */
  get saved(): number {
    return this.#saved
  }

  #savedBy(text: string, { reason, partCount }: Segmented): number {
    if (this.#plain === null || reason !== 0 || OTHER_SCRIPT.test(text)) return -1
    const plain = this.#plain.segment(text)
    return plain.reason === 0 && plain.coding !== UCS2 ? Math.max(0, partCount - plain.partCount) : -1
  }
}
