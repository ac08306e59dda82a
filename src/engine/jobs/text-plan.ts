/** How texts are written and cut so that every carrier of a route can take them. Main thread, once a route. */
import type { SmppCarrierConfig } from '../config/smpp-carrier.js'
import type { RoutePlan } from '../contract/ingest.js'

export type TextPlan = Pick<RoutePlan, 'alphabet' | 'longMessages' | 'nationalLanguages'>

/** By what a part holds; `payload` is not cut at all. */
const SMALLEST_FIRST = ['udh16', 'sar', 'udh', 'payload'] as const

/** `carriers` in order of preference: the first one's alphabet, the smallest parts, the languages that all know. */
export function textPlan(carriers: readonly SmppCarrierConfig[]): TextPlan {
  const [first] = carriers
  const forms = carriers.map(({ longMessages }) => longMessages)
  const languages = (first?.nationalLanguages ?? []).filter((language) =>
    carriers.every(({ nationalLanguages }) => nationalLanguages.includes(language)),
  )
  return {
    alphabet: first?.defaultAlphabet ?? 'gsm7',
    longMessages: SMALLEST_FIRST.find((form) => forms.includes(form)) ?? 'udh',
    nationalLanguages: languages,
  }
}
