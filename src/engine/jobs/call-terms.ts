/** What the carriers of a route say about calls, as far as composing needs it. Main thread, once a route. */
import type { SipCarrierConfig } from '../config/sip-carrier.js'
import type { CallTerms } from '../contract/speech.js'

/** `carriers` in order of preference: the digits that are spoken are those of the first; each says itself what it may show. */
export function callTerms(carriers: readonly SipCarrierConfig[]): CallTerms {
  const [first] = carriers
  const { optOutDigit = '', repeatDigit = '' } = first ?? {}
  const callerIds = carriers.flatMap(({ callerId, user, callerIds: further }) => {
    const own = callerId ?? user
    return own === undefined ? further : [own, ...further]
  })
  return { callerIds: [...new Set(callerIds)], optOutDigit, repeatDigit }
}
