/** What of an email can be refused before it is packed. The same for rows and for single messages. */
import { type ReasonCode, reasonNumber } from '../contract/reasons.js'
import { isBody } from './body.js'
import type { MailBody } from './mail-body.js'

const CONTROL = /\p{Cc}/u

/** 0, or the number of the reason. */
export function mailProblem({ subject, text, html }: Omit<MailBody, 'unsubscribeUrl'>): number {
  if (subject.trim() === '') return number('MISSING_SUBJECT')
  // A line end would begin another header.
  if (CONTROL.test(subject) || !isBody(subject) || !isBody(text) || !isBody(html)) return number('BODY_INVALID')
  return text.trim() === '' && html.trim() === '' ? number('EMPTY_TEXT') : 0
}

function number(code: ReasonCode): number {
  return reasonNumber(code)
}
