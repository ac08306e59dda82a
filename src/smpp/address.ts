/**
 * Type of number and numbering plan of a sender (SMPP 3.4 §5.2.5, §5.2.6) where the carrier's config says `auto`, as
 * carriers commonly want it (carriers.md 76): alphanumeric 5/0, short code 3/0, international 1/1, with trunk prefix 2/1.
 */
import type { SmppCarrierConfig } from '../engine/config/smpp-carrier.js'

export interface Address {
  ton: number
  npi: number
  /** Without '+'; Latin-1, never with NUL. */
  digits: string
}

const SHORT_CODE_DIGITS_MAX = 8

/** `rule`: the carrier's `source`. */
export function sourceAddress(from: string, rule: SmppCarrierConfig['source']): Address {
  const detected = detect(rule.address ?? from, rule.plus)
  const bare = detected.digits === ''
  return {
    ton: rule.ton === 'auto' || bare ? detected.ton : rule.ton,
    npi: rule.npi === 'auto' || bare ? detected.npi : rule.npi,
    digits: detected.digits.slice(0, rule.maxLength),
  }
}

function detect(from: string, keepPlus: boolean): Address {
  if (from === '') return { ton: 0, npi: 0, digits: '' }
  if (/^\+[0-9]+$/.test(from)) return { ton: 1, npi: 1, digits: keepPlus ? from : from.slice(1) }
  if (/^[0-9]+$/.test(from)) return detectDigits(from)
  // Beyond Latin-1 nothing can be written here, and a NUL would end the field and shift all that follow.
  return { ton: 5, npi: 0, digits: from.replaceAll('\0', '').replace(/[^\x01-\xff]/gu, '?') }
}

/** Digits without '+': a short code, a number with country code, or one in national form with its leading 0. */
function detectDigits(digits: string): Address {
  if (digits.length <= SHORT_CODE_DIGITS_MAX) return { ton: 3, npi: 0, digits }
  if (!digits.startsWith('0')) return { ton: 1, npi: 1, digits }
  if (!digits.startsWith('00')) return { ton: 2, npi: 1, digits }
  return { ton: 1, npi: 1, digits: digits.slice(2) }
}
