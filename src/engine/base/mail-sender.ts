/**
 * Senders of emails among those of an account. One list holds both kinds: what is an email address is for emails, all else is
 * for phones, and where the list has none of a kind its carriers choose, if the list is not there to forbid it.
 */
import { mailboxOf } from './email-address.js'

/** '' = the carrier's own; null: not allowed. `from`: a mailbox, '' or undefined. */
export function allowedMailSender(senders: readonly string[], from: string | undefined): string | null {
  const wanted = from === undefined || from === '' ? null : mailboxOf(from)
  const own = senders.filter((sender) => sender.includes('@'))
  if (wanted === null) return own[0] ?? ''
  if (senders.length === 0) return from!
  return own.some((sender) => mailboxOf(sender)?.address === wanted.address) ? from! : null
}

/** The list as it is for phones. */
export function phoneSenders(senders: readonly string[]): readonly string[] {
  return senders.some((sender) => sender.includes('@')) ? senders.filter((sender) => !sender.includes('@')) : senders
}
