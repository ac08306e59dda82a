/** One email of a request: address, sender, route, price, times and text, by the same rules as a row of a file. Main thread. */
import { addressKey } from '../base/address-key.js'
import { emailAddress, mailboxOf } from '../base/email-address.js'
import { allowedMailSender } from '../base/mail-sender.js'
import { priceTable } from '../base/price-table.js'
import type { MessageAccepted } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import type { RoutePlan } from '../contract/ingest.js'
import { type ReasonCode, reasonCode } from '../contract/reasons.js'
import { hoursOf, isWithin } from '../jobs/job-hours.js'
import type { MailBody } from '../text/mail-body.js'
import { mailProblem } from '../text/mail-rules.js'
import { withMailLink } from '../text/mail-way-out.js'
import type { ComposeAccount, ComposeDeps, Verdict } from './compose.js'
import { mailRecord } from './mail-record.js'
import { timesOf } from './message-times.js'
import type { FilledMessage } from './template-text.js'

/** Email by name, or by what it goes to. */
export function isForMail({ channel = 'auto', to }: Pick<FilledMessage, 'channel' | 'to'>): boolean {
  return channel === 'email' || (channel === 'auto' && to.includes('@'))
}

export interface MailRequest {
  account: ComposeAccount
  request: FilledMessage
  nowMs: number
}

interface Accepted {
  to: string
  from: string
  route: RoutePlan
  partPrice: number | null
}

export function composeMail(deps: ComposeDeps, asked: MailRequest): Verdict {
  const found = accept(deps, asked)
  return 'reason' in found ? refused(found) : written(deps, asked, found)
}

interface Refusal {
  to: string
  reason: ReasonCode
  detail?: string
}

function accept(deps: ComposeDeps, { account, request }: MailRequest): Accepted | Refusal {
  const to = emailAddress(request.to)
  if (to === null) return { to: request.to, reason: 'INVALID_EMAIL' }
  if (!account.features.email) return { to, reason: 'FEATURE_OFF' }
  const { from: wanted = '' } = request
  if (wanted !== '' && mailboxOf(wanted) === null) return { to, reason: 'INVALID_SENDER' }
  const from = allowedMailSender(account.senders, wanted)
  if (from === null) return { to, reason: 'SENDER_NOT_ALLOWED' }
  const route = deps.plans(account.id).find(({ channel }) => channel === 'email')
  if (route === undefined || request.data !== undefined) return { to, reason: 'NO_ROUTE' }
  const partPrice = priceTable(account.prices).find('email', '')
  const needsPrice = account.prices.length > 0 && deps.isPrepaid?.(account.number) === true
  if (partPrice === null && needsPrice) return { to, reason: 'NO_PRICE' }
  if (deps.optOut?.has(account.number, addressKey(to), from, to)) return { to, reason: 'SUPPRESSED' }
  if (request.unfilled !== undefined) return { to, ...request.unfilled }
  return { to, from, route, partPrice }
}

function written(deps: ComposeDeps, { account, request, nowMs }: MailRequest, accepted: Accepted): Verdict {
  const { to, from, route, partPrice } = accepted
  const dueMs = request.sendAt === undefined ? 0 : deps.parseTime(request.sendAt)
  if (dueMs === null) return refused({ to, reason: 'BAD_DATE' })
  const { subject = '', text = '', html = '' } = request
  const problem = mailProblem({ subject, text, html })
  if (problem !== 0) return refused({ to, reason: reasonCode(problem) })
  const body = withWayOut(deps, { account, request, nowMs }, accepted)
  const times = timesOf(request, dueMs, nowMs)
  const record = mailRecord(to, body, { ...times, price: { partPrice } })
  if (record === null) return refused({ to, reason: 'MAIL_TOO_LARGE' })
  const isLater = times.dueSeconds * 1000 > nowMs || !isWithin(hoursOf({ settings: {} }, account), nowMs, null)
  const answer: MessageAccepted = {
    id: null,
    state: isLater ? 'scheduled' : 'queued',
    to,
    channel: 'email',
    encoding: 'mail',
    parts: 1,
    carrier: route.carrier,
  }
  const composed = {
    ...{ record, route, from, text: body.text, mail: body, fields: '', lockSeconds: 0, partPrice },
    ...{ priority: request.priority ?? 'normal', country: '', routeDigits: '' },
  }
  return { answer, composed }
}

/** @throws EngineError VALIDATION: the way out would be none. */
function withWayOut(deps: ComposeDeps, { account, request }: MailRequest, { to, from }: Accepted): MailBody {
  const { subject = '', text = '', html = '', unsubscribe = 'none' } = request
  const plain = { subject, text, html, unsubscribeUrl: '' }
  if (unsubscribe === 'none') return plain
  if (unsubscribe === 'text') throw noReply()
  const wayOut = deps.optOut?.wayOut(account, unsubscribe, from) ?? null
  if (wayOut === null) return plain
  const unsubscribeUrl = wayOut.mailLink(to)
  return { subject, ...withMailLink({ text, html }, unsubscribeUrl, wayOut.lead), unsubscribeUrl }
}

/** Nobody reads what comes back to the sender of an email. */
export function noReply(): EngineError {
  const fields = [{ pointer: '/unsubscribe', message: 'must be link for emails; nobody reads replies to them' }]
  return new EngineError('VALIDATION', 'unsubscribe: text is for SMS; an email needs link.', { fields })
}

function refused({ to, reason, detail }: Refusal): Verdict {
  const said = detail === undefined ? { reason } : { reason, detail }
  return {
    answer: { id: null, state: 'rejected', to, channel: 'email', encoding: 'mail', parts: 0, carrier: null, ...said },
    composed: null,
  }
}
