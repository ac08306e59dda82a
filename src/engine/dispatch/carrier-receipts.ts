/** What is known of the receipts of one carrier: how their ids are written, whether their addresses can be relied on, what they stand for. */
import type { Orphan } from '../store/orphans.js'
import type { Fit } from '../store/receipt-index.js'
import type { IdFormat } from './id-forms.js'
import type { IdLearning } from './id-learning.js'

export interface ReceiptTerms {
  request: 'final' | 'failure' | 'none'
  timeoutSeconds: number
  /** As in the configuration, see config/smpp-receipts.ts; absent: its default. */
  idFormat?: IdFormat
  perMessage?: 'all' | 'first' | 'last'
  matchNumber?: 'auto' | 'always' | 'never'
}

/**
 * Receipts whose address fitted, less four for each that did not. From the first of these on, one that does not fit is another's;
 * when nothing is left (more than one in five does not fit), the addresses are not believed any more.
 */
const TRUST = 8
const TRUST_MAX = 32
const DOUBT = 4

export class CarrierReceipts {
  /** In the log. */
  readonly number: number
  readonly learning: IdLearning
  readonly perMessage: 'all' | 'first' | 'last'
  /** Parked ones that are to be matched anew, in order of arrival. */
  again: Orphan[] = []
  /** Epoch ms of the last receipt whose delay was observed. */
  delaySeenMs = 0
  readonly #isQuiet: () => boolean
  readonly #matchNumber: 'auto' | 'always' | 'never'
  #trust = 0
  #trusts = false

  constructor(number: number, learning: IdLearning, deps: { terms: ReceiptTerms; isQuiet: () => boolean }) {
    const { perMessage = 'all', matchNumber = 'auto' } = deps.terms
    this.number = number
    this.learning = learning
    this.perMessage = perMessage
    this.#matchNumber = matchNumber
    this.#isQuiet = deps.isQuiet
  }

  /** No submit of the carrier waits for its response: a receipt that matches nothing is not early. */
  get isQuiet(): boolean {
    return this.#isQuiet()
  }

  /** Whether a receipt whose id fits belongs to the message although its addresses do (not). */
  accepts(fit: Fit, byText: boolean): boolean {
    if (fit >= 0 || this.#matchNumber === 'never') return true
    return this.#matchNumber === 'auto' && !byText && !this.#trusts
  }

  /** True: the addresses cannot be relied on any more, so what was parked for them may match after all. */
  noteFit(fit: Fit): boolean {
    if (fit === 0) return false
    const before = this.#trusts
    this.#trust = fit > 0 ? Math.min(TRUST_MAX, this.#trust + 1) : Math.max(-TRUST_MAX, this.#trust - DOUBT)
    if (this.#trust >= TRUST) this.#trusts = true
    else if (this.#trust <= 0) this.#trusts = false
    return this.#matchNumber === 'auto' && before && !this.#trusts
  }

  /** The one receipt that counts for all parts of a message, as the carrier sends them. */
  speaksForAll(part: number, parts: number): boolean {
    if (this.perMessage === 'all') return false
    return part === (this.perMessage === 'first' ? 0 : parts - 1)
  }
}
