/**
 * Appends the way out to a text before it is cut into parts: a sentence, or a link of the recipient's own. The same in
 * ingest threads and on the main thread; once a message, where the job asks for it.
 */
import { addressKey } from '../base/address-key.js'
import type { WayOutPlan } from '../contract/opt-out.js'
import { bareSender } from '../store/suppression-table.js'
import { LinkTokens } from './link-token.js'

export class WayOutText {
  readonly #text: string
  readonly #link: WayOutPlan['link']
  readonly #tokens: LinkTokens | null
  readonly #sender: string

  /** `from`: sender of the messages; '' where the carrier chooses it. `tokens`: of the same secret, where there are any. */
  constructor({ text, link }: WayOutPlan, from: string, tokens?: LinkTokens) {
    this.#text = text
    this.#link = link
    this.#tokens = link === null ? null : (tokens ?? new LinkTokens(link.secret))
    this.#sender = link?.bySender ? bareSender(from) : ''
  }

  /** The link of an email's recipient, which stands in a header of its own as well; '' = a sentence is added instead. */
  mailLink(address: string): string {
    if (this.#link === null || this.#tokens === null) return ''
    const { url, account } = this.#link
    const target = { account, number: addressKey(address), address, sender: this.#sender }
    return `${url}/u/${this.#tokens.make(target)}`
  }

  /** What stands before a link. */
  get lead(): string {
    return this.#text
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
