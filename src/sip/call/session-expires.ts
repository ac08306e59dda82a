/** Session-Expires (RFC 4028 §4): how long a call is taken to be alive without a sign of life, and who has to give it. */
import type { SipHeaders } from '../message/headers.js'
import { parseParameters } from '../message/parameters.js'
import { trimSpace, wholeNumber } from '../message/syntax.js'

export interface SessionExpires {
  seconds: number
  /** uac and uas of the request that it stands in or answers; '' = not said. */
  refresher: 'uac' | 'uas' | ''
}

/** 90 is the shortest allowed (§4). Some send less; much less would be a way to make us send without end. */
const SECONDS_MIN = 30
const SECONDS_MAX = 0x7fff_ffff

/** null: none, or none that counts. */
export function sessionExpiresOf(headers: SipHeaders): SessionExpires | null {
  const value = headers.get('session-expires')
  if (value === undefined) return null
  const semicolon = value.indexOf(';')
  const seconds = wholeNumber(trimSpace(semicolon < 0 ? value : value.slice(0, semicolon)), SECONDS_MAX)
  if (seconds <= 0) return null
  const named =
    semicolon < 0
      ? ''
      : parseParameters(value.slice(semicolon + 1))
          ?.get('refresher')
          ?.toLowerCase()
  const refresher = named === 'uac' || named === 'uas' ? named : ''
  return { seconds: Math.max(seconds, SECONDS_MIN), refresher }
}
