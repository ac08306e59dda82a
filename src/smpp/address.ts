/**
 * Type of number and numbering plan of a sender (SMPP 3.4 §5.2.5, §5.2.6) where the carrier's config says `auto`, as
 * carriers commonly want it (carriers.md 76): alphanumeric 5/0, short code 3/0, international 1/1, with trunk prefix 2/1.
 */
export interface Address {
  ton: number
  npi: number
  /** Without '+'; Latin-1, never with NUL. */
  digits: string
}

interface AddressRule {
  ton: 'auto' | number
  npi: 'auto' | number
}

const SHORT_CODE_DIGITS_MAX = 8
/** §5.2.8: 21 octets with the NUL. */
const ADDRESS_CHARACTERS_MAX = 20

export function sourceAddress(from: string, rule: AddressRule): Address {
  const detected = detect(from)
  return {
    ton: rule.ton === 'auto' ? detected.ton : rule.ton,
    npi: rule.npi === 'auto' ? detected.npi : rule.npi,
    digits: detected.digits,
  }
}

function detect(from: string): Address {
  if (from === '') return { ton: 0, npi: 0, digits: '' }
  if (/^\+[0-9]+$/.test(from)) return { ton: 1, npi: 1, digits: from.slice(1, 1 + ADDRESS_CHARACTERS_MAX) }
  if (/^[0-9]+$/.test(from)) return detectDigits(from)
  // Beyond Latin-1 nothing can be written here, and a NUL would end the field and shift all that follow.
  const clean = from.replaceAll('\0', '').replace(/[^\x01-\xff]/gu, '?')
  return { ton: 5, npi: 0, digits: clean.slice(0, ADDRESS_CHARACTERS_MAX) }
}

/** Digits without '+': a short code, a number with country code, or one in national form with its leading 0. */
function detectDigits(from: string): Address {
  if (from.length <= SHORT_CODE_DIGITS_MAX) return { ton: 3, npi: 0, digits: from }
  const digits = from.slice(0, ADDRESS_CHARACTERS_MAX)
  if (!from.startsWith('0')) return { ton: 1, npi: 1, digits }
  if (!from.startsWith('00')) return { ton: 2, npi: 1, digits }
  return { ton: 1, npi: 1, digits: from.slice(2, 2 + ADDRESS_CHARACTERS_MAX) }
}
