/** What of a job's settings is about emails: which jobs may have some, what can be wrong, and who sends them. Main thread. */
import { mailboxOf } from '../base/email-address.js'
import { allowedMailSender, phoneSenders } from '../base/mail-sender.js'
import { allowedSender, isSender } from '../base/sender.js'
import { EngineError, type FieldError } from '../contract/errors.js'
import type { JobSettings } from '../contract/job.js'
import { isBody } from '../text/body.js'
import { compileTemplate } from '../text/template.js'

/** All of it emails, or some of it: rows whose number cannot be had, where the job names a column of addresses. */
export function mayHaveMail({ channel = 'auto', columns, prefer }: JobSettings): boolean {
  if (channel === 'email') return true
  return channel === 'auto' && columns?.email !== undefined && (prefer?.includes('email') ?? true)
}

/** Beside what is wrong for any channel. */
export function* mailErrors(settings: JobSettings): Iterable<FieldError> {
  const { from, subject, html, columns, unsubscribe } = settings
  if (from !== undefined && !isSender(from) && !(mayHaveMail(settings) && mailboxOf(from) !== null)) {
    const address = mayHaveMail(settings) ? ', or an email address' : ''
    yield { pointer: '/from', message: `must be a number or up to 11 letters and digits${address}` }
  }
  if (settings.channel === 'email' && from !== undefined && isSender(from)) {
    yield { pointer: '/from', message: 'must be an email address, such as Clinic <clinic@example.com>' }
  }
  for (const [pointer, value] of [
    ['/subject', subject],
    ['/html', html],
  ] as const) {
    if (value !== undefined && !isBody(value)) {
      yield { pointer, message: 'has a control character or half of a surrogate pair' }
    }
  }
  if (subject !== undefined && /[\r\n]/.test(subject)) yield { pointer: '/subject', message: 'must be one line' }
  if (!mayHaveMail(settings)) return
  if ((subject ?? '').trim() === '' && columns?.keyword === undefined) {
    yield { pointer: '/subject', message: 'must be given for emails, or by their template' }
  }
  if (unsubscribe === 'text') {
    yield { pointer: '/unsubscribe', message: 'must be link where there are emails; nobody reads replies to them' }
  }
}

/** @throws EngineError TEMPLATE_INVALID. */
export function compileMail({ subject, html }: JobSettings): void {
  if (subject !== undefined) compileTemplate(subject)
  if (html !== undefined) compileTemplate(html)
}

interface Account {
  senders: readonly string[]
}

/** A job may name one sender, of a phone or of emails; the other kind has the account's first, or its carriers' own. */
export function sendersOf({ senders }: Account, { from }: Pick<JobSettings, 'from'>): { phone: string; mail: string } {
  const isMail = from?.includes('@') === true
  return {
    phone: allowedSender(phoneSenders(senders), isMail ? undefined : from) ?? '',
    mail: allowedMailSender(senders, isMail ? from : undefined) ?? '',
  }
}

/** The sender, or the account's first one. @throws EngineError SENDER_NOT_ALLOWED. */
export function requireSender({ senders }: Account, settings: JobSettings): string | undefined {
  const { from, channel } = settings
  // A call shows what its carrier lets it; see text/speaking.ts.
  if (channel === 'voice' && from === undefined) return undefined
  const isMail = channel === 'email' || from?.includes('@') === true
  const allowed = isMail ? allowedMailSender(senders, from) : allowedSender(phoneSenders(senders), from)
  if (allowed !== null) return allowed === '' ? from : allowed
  const fields = [{ pointer: '/from', message: `must be one of ${senders.slice(0, 20).join(', ')}` }]
  throw new EngineError('SENDER_NOT_ALLOWED', `The account may not send as ${from}.`, { fields })
}
