/**
 * How one carrier writes the ids of its receipts: said by the configuration, or found out from receipts that match no
 * message as they stand and match one in another form. What was found is durable, with the evidence.
 *
 * Digits alone can be decimal and hex, and an early receipt matches nothing for a while: so a form is adopted only when
 * several parked receipts fit in it and in no other (receipt-evidence.ts), and no receipt is lost meanwhile.
 */
import { decode, encode } from '@msgpack/msgpack'
import type { ReceiptIdView } from '../contract/channel.js'
import type { Log } from '../contract/log.js'
import type { Note } from '../contract/store.js'
import type { Environment } from '../store/environment.js'
import { ID_FORMS, type IdForm, type IdFormat, type Step, stepsOf } from './id-forms.js'

/** Receipts that must fit in one other form before it is adopted. */
export const EVIDENCE_LEAST = 3
const PREFIX = 'receiptIds:'

/** What was found out; durable. */
export interface Learned {
  form: IdForm
  adoptedAtMs: number
  /** Parked receipts that fitted. */
  fitted: number
  example: { receipt: string; response: string }
}

export class IdLearning {
  readonly format: IdFormat
  /** Receipts matched at once, by form, in this run. */
  readonly matched: Record<IdForm, number>
  /** Matched since the evidence was last looked at. */
  recent = 0
  readonly #carrier: string
  readonly #log: Log
  #learned: Learned | null = null
  #steps: readonly Step[]

  constructor(carrier: string, format: IdFormat, deps: { environment: Environment; log: Log }) {
    this.#carrier = carrier
    this.#log = deps.log
    this.format = format
    this.matched = Object.fromEntries(ID_FORMS.map((form) => [form, 0])) as Record<IdForm, number>
    if (format === 'auto') {
      const stored = deps.environment.meta.getBinary(PREFIX + carrier)
      if (stored !== undefined) this.#learned = decode(stored) as Learned
    }
    this.#steps = stepsOf(this.form, format !== 'auto')
  }

  /** The form that is in use. */
  get form(): IdForm {
    if (this.format !== 'auto') return this.format
    return this.#learned?.form ?? 'same'
  }

  get learns(): boolean {
    return this.format === 'auto'
  }

  /** What to try with each receipt, in this order. */
  get steps(): readonly Step[] {
    return this.#steps
  }

  count(): void {
    this.matched[this.form]++
    this.recent++
  }

  /** From now on receipts are read in this form. The note must be committed with what follows from it. */
  adopt(learned: Learned): Note {
    this.#learned = learned
    this.#steps = stepsOf(learned.form, false)
    const { form: idFormat, fitted, example } = learned
    this.#log.info(
      { carrier: this.#carrier, idFormat, fitted, example },
      'found out how this carrier writes ids in receipts',
    )
    return { key: PREFIX + this.#carrier, value: Buffer.from(encode(learned)) }
  }

  view(unmatched: number): ReceiptIdView {
    const { format, form, matched } = this
    const learned = this.#learned
    return {
      idFormat: form,
      configured: format,
      unmatched,
      evidence: {
        matched: { ...matched },
        adoptedAt: learned === null ? null : new Date(learned.adoptedAtMs).toISOString(),
        fitted: learned?.fitted ?? 0,
        example: learned?.example ?? null,
      },
    }
  }
}
