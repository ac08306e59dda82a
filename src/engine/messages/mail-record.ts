/** An email as it is stored: one part that holds all of it. Main thread. */

import { CHANNELS, CODINGS, type Coding } from '../contract/message.js'
import type { NewRecord } from '../store/block.js'
import type { MailBody } from '../text/mail-body.js'
import { packMail } from '../text/mail-body.js'

export const EMAIL_CHANNEL = CHANNELS.indexOf('email')
export const MAIL_CODING = CODINGS.indexOf('mail') as Coding

export interface MailFacts {
  dueSeconds: number
  expiresSeconds: number
  /** Absent: neither money nor usage know of it. */
  price?: { partPrice: number | null }
}

/** null: larger than a record can be. */
export function mailRecord(
  to: string,
  body: MailBody,
  { dueSeconds, expiresSeconds, price }: MailFacts,
): NewRecord | null {
  const bytes = packMail(body)
  if (bytes === null) return null
  return {
    channel: EMAIL_CHANNEL,
    coding: MAIL_CODING,
    shift: 0,
    wantsReceipt: true,
    digits: to,
    isShortCode: false,
    phone: 0,
    dueSeconds,
    expiresSeconds,
    line: 0,
    offset: 0,
    length: 0,
    partCount: 1,
    bytes,
    partStarts: Uint32Array.of(0),
    partLengths: Uint16Array.of(bytes.length),
    ...(price === undefined ? {} : { country: '', partPrice: price.partPrice }),
  }
}
