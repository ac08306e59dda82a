/** How texts are written and cut so that every carrier of a route can take them. Main thread, once a route. */
import type { SmppCarrierConfig } from '../config/smpp-carrier.js'
import type { RoutePlan } from '../contract/ingest.js'

export type TextPlan = Pick<RoutePlan, 'alphabet' | 'longMessages' | 'nationalLanguages'>

/** By what a part holds; `payload` is not cut at all. */
const SMALLEST_FIRST = ['udh16', 'sar', 'udh', 'payload'] as const

/**
 * `carriers` in order of preference: an alphabet that all of them read, the smallest parts, the languages that all know. A
 * text that went to one of them must read the same at the next, so none is written in what another one lacks.
 */
export function textPlan(carriers: readonly SmppCarrierConfig[]): TextPlan {
  const [first] = carriers
  const alphabet = alphabetOf(carriers)
  const forms = carriers.map(({ longMessages }) => longMessages)
  const languages = (first?.nationalLanguages ?? []).filter((language) =>
    carriers.every(({ nationalLanguages }) => nationalLanguages.includes(language)),
  )
  return {
    alphabet,
    longMessages: SMALLEST_FIRST.find((form) => forms.includes(form)) ?? 'udh',
    nationalLanguages: alphabet === 'gsm7' ? languages : [],
  }
}

function alphabetOf(carriers: readonly SmppCarrierConfig[]): TextPlan['alphabet'] {
  const [first] = carriers
  if (first === undefined) return 'gsm7'
  const { defaultAlphabet } = first
  if (carriers.every((carrier) => carrier.defaultAlphabet === defaultAlphabet)) return defaultAlphabet
  return carriers.every(hasGsm7) ? 'gsm7' : 'common'
}

/** By data_coding 0, or by a value of its own. */
function hasGsm7({ defaultAlphabet, gsm7DataCoding }: SmppCarrierConfig): boolean {
  return defaultAlphabet === 'gsm7' || gsm7DataCoding !== 0
}
