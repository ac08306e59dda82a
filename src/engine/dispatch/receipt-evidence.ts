/**
 * Looks at receipts that match nothing: do they match in another form of id? Only such count as have been parked for two
 * seconds (an early receipt is joined by then, or shortly), that fit in one form and in no other, and whose number does not
 * speak against it.
 */
import type { MessageRef } from '../contract/message.js'
import type { Orphan, Orphans } from '../store/orphans.js'
import { Fingerprint } from '../store/receipt-index.js'
import type { CarrierReceipts } from './carrier-receipts.js'
import { ID_FORMS, type IdForm, stepsOf } from './id-forms.js'
import { EVIDENCE_LEAST, type Learned } from './id-learning.js'
import type { ReceiptLookup } from './receipt-lookup.js'

const SETTLED_MS = 2_000
const SAMPLE = 64
/** Receipts that match at once in the present form, against one that fits in another: more of them and nothing changes. */
const RECENT_SHARE = 10

/** A parked receipt and the message that it fits in another form. */
export interface Fitting {
  orphan: Orphan
  form: IdForm
  ref: MessageRef
  part: number
  print: Fingerprint
  /** Canonical id of the response. */
  response: string
  /** The recipient's number is one of its addresses. */
  isCertain: boolean
}

export interface Verdict {
  /** A form that the carrier uses, it turns out. */
  adopted: Learned | null
  /** Too few to tell, but these are certain by their numbers. */
  single: Fitting[]
}

export class ReceiptEvidence {
  readonly #lookup: ReceiptLookup
  readonly #orphans: Orphans

  constructor(lookup: ReceiptLookup, orphans: Orphans) {
    this.#lookup = lookup
    this.#orphans = orphans
  }

  /** Once a second for a carrier with parked receipts. */
  weigh(from: CarrierReceipts, nowMs: number): Verdict {
    const { learning } = from
    const byForm = new Map<IdForm, Fitting[]>()
    for (const orphan of this.#orphans.newest(from.number, SAMPLE)) {
      const fitting = nowMs - orphan.atMs < SETTLED_MS ? null : this.#fitting(from, orphan)
      if (fitting === null) continue
      const others = byForm.get(fitting.form)
      if (others === undefined) byForm.set(fitting.form, [fitting])
      else others.push(fitting)
    }
    const { recent } = learning
    const [best = [], ...rest] = [...byForm.values()].sort((a, b) => b.length - a.length)
    const others = rest.reduce((sum, fitting) => sum + fitting.length, 0)
    const isEnough = best.length >= EVIDENCE_LEAST && best.length > others && best.length * RECENT_SHARE >= recent
    if (isEnough) return { adopted: learned(best, nowMs), single: [] }
    return { adopted: null, single: from.isQuiet ? [best, ...rest].flat().filter(({ isCertain }) => isCertain) : [] }
  }

  /** Null: it fits in no other form, or in several. */
  #fitting(from: CarrierReceipts, orphan: Orphan): Fitting | null {
    const bytes = Buffer.from(orphan.id, 'latin1')
    const id = { bytes, start: 0, length: bytes.length }
    let fitting: Fitting | null = null
    for (const form of ID_FORMS) {
      if (form === from.learning.form) continue
      for (const step of stepsOf(form, false)) {
        const print = this.#lookup.convertedPrint(from.number, id, step, 'auto')
        if (print === null || !this.#lookup.findRecent(print, orphan)) continue
        const { found, convertedText: response } = this.#lookup
        if (!found.waits || found.fits < 0) continue
        if (fitting !== null && fitting.ref !== found.ref) return null
        const { ref, part, fits } = found
        fitting ??= { orphan, form, ref, part, print: copyOf(print), response, isCertain: fits > 0 }
      }
    }
    return fitting
  }
}

function learned(fitting: Fitting[], nowMs: number): Learned {
  const [{ form, orphan, response }] = fitting as [Fitting]
  return { form, adoptedAtMs: nowMs, fitted: fitting.length, example: { receipt: orphan.id, response } }
}

function copyOf({ high, low }: Fingerprint): Fingerprint {
  const copy = new Fingerprint()
  copy.high = high
  copy.low = low
  return copy
}
