/** The list of senders that an account may use, read from what an admin wrote. Main thread. */
import { mailboxOf } from '../base/email-address.js'
import { isSender } from '../base/sender.js'
import type { FieldError } from '../contract/errors.js'

const SENDERS_MAX = 1_000

/** Adds what is wrong to `fields`; the answer counts only when nothing is. */
export function readSenders(given: readonly string[], fields: FieldError[]): string[] {
  if (given.length > SENDERS_MAX) fields.push({ pointer: '/senders', message: `must have at most ${SENDERS_MAX}` })
  given.forEach((sender, index) => {
    if (isSender(sender) || mailboxOf(sender) !== null) return
    const message = 'must be a number, up to 11 letters and digits, or an email address'
    fields.push({ pointer: `/senders/${index}`, message })
  })
  return [...new Set(given)]
}
