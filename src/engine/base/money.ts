/**
 * Amounts of money as whole millionths (micros): a sum of them has no drift, up to 9 billion units of a currency. People
 * write and read decimals.
 */
const DECIMAL = /^(\d{1,9})(?:\.(\d{1,6}))?$/
const MICROS = 1_000_000

/** null: negative, more than 6 decimals or 9 digits before them, or not a number at all. */
export function microsOf(amount: number | string): number | null {
  // The shortest decimal of a number is what was written; its binary value is only near it.
  const match = DECIMAL.exec(String(amount))
  if (match === null) return null
  return Number(match[1]) * MICROS + Number((match[2] ?? '').padEnd(6, '0'))
}

/** As `microsOf`, of an amount that may be below zero. */
export function signedMicrosOf(amount: number | string): number | null {
  const text = String(amount)
  const micros = microsOf(text.startsWith('-') ? text.slice(1) : text)
  return micros === null || !text.startsWith('-') ? micros : 0 - micros
}

/** The number that prints as the exact decimal. */
export function amountOf(micros: number): number {
  return micros / MICROS
}
