/**
 * What other gateways tell of a single message, asked for with the message itself: Kannel's dlr-url with its escapes and
 * Jasmin's dlr-url with its parameters. Pure: an event and where it goes make one request.
 */
import type { MessageCallback } from '../contract/extras.js'
import { CALLBACK_MASK } from '../contract/extras.js'
import type { MessageUpdate } from '../contract/webhook.js'

/** An event of a message that is reported on its own. */
export interface MessageReport {
  callback: MessageCallback
  account: string
  update: MessageUpdate
}

export interface ReportRequest {
  method: 'GET' | 'POST'
  url: string
  headers: Record<string, string>
  body: Buffer | null
}

/** Which bit of CALLBACK_MASK the event is; 0: it is not reported. */
export function reportKind({ state, reason, final, carrier }: MessageUpdate): number {
  if (state === 'sent') return final && reason === 'NO_RECEIPT' ? 0 : CALLBACK_MASK.accepted
  if (state === 'delivered') return CALLBACK_MASK.delivered
  // Neither has an end that other gateways know.
  if (state === 'unknown' || state === 'scheduled') return 0
  const wasTaken = state === 'undelivered' || reason === 'RECEIPT_EXPIRED' || reason === 'RECEIPT_REJECTED'
  return wasTaken && carrier !== null ? CALLBACK_MASK.undelivered : CALLBACK_MASK.refused
}

/** True: the sender asked for it. */
export function isReported({ callback, update }: MessageReport): boolean {
  return (callback.mask & reportKind(update)) !== 0
}

export function reportRequest(report: MessageReport): ReportRequest {
  return report.callback.format === 'kannel' ? kannelRequest(report) : jasminRequest(report)
}

const ESCAPES: Record<string, (report: MessageReport) => string> = {
  '%': () => '%',
  d: ({ update }) => String(reportKind(update)),
  A: ({ update }) => kannelText(update),
  a: ({ update }) => kannelText(update),
  b: ({ update }) => kannelText(update),
  k: ({ update }) => kannelText(update).split(' ')[0]!,
  p: ({ update }) => bare(update.to),
  q: ({ update }) => bare(update.to),
  P: ({ update }) => bare(update.from),
  Q: ({ update }) => bare(update.from),
  t: ({ update }) => update.at.slice(0, 19).replace('T', ' '),
  T: ({ update }) => String(Math.floor(Date.parse(update.at) / 1000)),
  i: ({ update }) => update.carrier ?? '',
  I: ({ update }) => update.id,
  F: ({ update }) => update.id,
  n: ({ account }) => account,
  o: ({ update }) => update.clientReference ?? '',
  c: () => '-1',
  m: () => '-1',
  M: () => '-1',
  C: () => 'UTF-8',
}

/** Escapes that Kannel does not know stay as they are, and so do ours. */
function kannelRequest(report: MessageReport): ReportRequest {
  const url = report.callback.url.replace(/%([A-Za-z%])/g, (whole, letter: string) => {
    const value = ESCAPES[letter]?.(report)
    if (value === undefined) return whole
    return letter === '%' ? '%' : encodeURIComponent(value).replaceAll('%20', '+')
  })
  return { method: 'GET', url, headers: {}, body: null }
}

/** What %A stands for: the answer of the carrier, or the text of its receipt (SMPP 3.4 appendix B). */
function kannelText(update: MessageUpdate): string {
  const kind = reportKind(update)
  if (kind === CALLBACK_MASK.accepted) return 'ACK/'
  if (kind === CALLBACK_MASK.refused) return `NACK/${update.status ?? 0}/${update.reason ?? update.state}`
  const date = update.at.slice(2, 16).replace(/\D/g, '')
  const got = kind === CALLBACK_MASK.delivered ? '001' : '000'
  const error = (update.error ?? '').replace(/\s/g, '') || '000'
  return `id:${update.id} sub:001 dlvrd:${got} submit date:${date} done date:${date} stat:${statusOf(update)} err:${error} text:`
}

/** message_state as receipts write it (SMPP 3.4 §5.2.28). */
function statusOf({ state, reason }: MessageUpdate): string {
  if (state === 'delivered') return 'DELIVRD'
  if (state === 'expired' || reason === 'RECEIPT_EXPIRED') return 'EXPIRED'
  return reason === 'RECEIPT_REJECTED' || state === 'failed' ? 'REJECTD' : 'UNDELIV'
}

function bare(number: string | null): string {
  return number?.replace(/^\+/, '') ?? ''
}

function jasminRequest({ callback, update }: MessageReport): ReportRequest {
  const kind = reportKind(update)
  const isFirst = kind === CALLBACK_MASK.accepted || kind === CALLBACK_MASK.refused
  const parameters = new URLSearchParams({ id: update.id, level: isFirst ? '1' : '2', connector: update.carrier ?? '' })
  if (isFirst) parameters.set('message_status', kind === CALLBACK_MASK.accepted ? 'ESME_ROK' : refusalName(update))
  else for (const [name, value] of receiptParameters(update)) parameters.set(name, value)
  if (callback.method === 'POST') {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    return { method: 'POST', url: callback.url, headers, body: Buffer.from(parameters.toString()) }
  }
  const url = new URL(callback.url)
  for (const [name, value] of parameters) url.searchParams.set(name, value)
  return { method: 'GET', url: url.href, headers: {}, body: null }
}

function refusalName({ status, reason }: MessageUpdate): string {
  return status === null ? (reason ?? 'ESME_RSUBMITFAIL') : `ESME_0x${status.toString(16).padStart(8, '0')}`
}

function receiptParameters(update: MessageUpdate): [string, string][] {
  const date = update.at.slice(2, 16).replace(/\D/g, '')
  return [
    ['message_status', statusOf(update)],
    ['id_smsc', update.id],
    ['sub', '001'],
    ['dlvrd', update.state === 'delivered' ? '001' : '000'],
    ['subdate', date],
    ['donedate', date],
    ['err', update.error ?? '000'],
    ['text', ''],
  ]
}
