/**
 * Appends the way out to a text before it is cut into parts: a sentence, or a link of the recipient's own. The same in
 * ingest threads and on the main thread; once a message, where the job asks for it.
 */
import { bareSender } from '../store/suppression-table.js'
import { LinkTokens } from './link-token.js'

/** Crosses to the ingest threads with the job's plan. */
export interface WayOutPlan {
  /** The sentence, or what stands before the link. */
  text: string
  /** null: a sentence. */
  link: { url: string; secret: Uint8Array; account: number; bySender: boolean } | null
}

export class WayOutText {
  readonly #text: string
  readonly #link: WayOutPlan['link']
  readonly #tokens: LinkTokens | null
  readonly #sender: string

  /** `from`: sender of the messages; '' where the carrier chooses it. */
  constructor({ text, link }: WayOutPlan, from: string) {
    this.#text = text
    this.#link = link
    this.#tokens = link === null ? null : new LinkTokens(link.secret)
    this.#sender = link?.bySender ? bareSender(from) : ''
  }

  append(text: string, number: number): string {
    const space = text === '' || /\s$/.test(text) ? '' : ' '
    if (this.#link === null || this.#tokens === null) return `${text}${space}${this.#text}`
    const { url, account } = this.#link
    const token = this.#tokens.make({ account, number, sender: this.#sender })
    const before = this.#text === '' ? '' : `${this.#text} `
    return `${text}${space}${before}${url}/u/${token}`
  }
}
