/** Senders: which texts can be one, and which of them an account may use. */

/** A number of 3 to 15 digits, or up to 11 letters, digits and marks (GSM 03.40 §9.1.2.5). */
const SENDER = /^(?:\+?\d{3,15}|[\w .&'*+-]{1,11})$/
const NUMERIC = /^\+?\d+$/

export function isSender(from: string): boolean {
  return SENDER.test(from)
}

/**
 * What is sent as: the first of the list where none is named, and as named where the list is empty or has it. null: not
 * allowed. Numbers are the same with and without +; letters are compared as they are written, for they are shown so.
 */
export function allowedSender(senders: readonly string[], from: string | undefined): string | null {
  if (senders.length === 0) return from ?? ''
  if (from === undefined || from === '') return senders[0]!
  if (senders.includes(from)) return from
  const digits = digitsOf(from)
  return digits !== null && senders.some((sender) => digitsOf(sender) === digits) ? from : null
}

function digitsOf(sender: string): string | null {
  return NUMERIC.test(sender) ? sender.replace('+', '') : null
}
