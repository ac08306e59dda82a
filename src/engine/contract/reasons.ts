/**
 * Why a row did not become a message, and why a message ended as it did: stable codes, one sentence of help each.
 * The position in the list is what blocks and logs store: append only.
 */
export const REASONS = [
  ['NONE', ''],
  ['INVALID_NUMBER', 'Not a possible phone number; write it with + and country code, or set defaultCountry.'],
  [
    'PHONE_SCIENTIFIC',
    'The number was turned into 4.47E+11 by a spreadsheet and its digits are lost; format the column as text and export again.',
  ],
  ['PHONE_EXTENSION', 'The number has an extension, which cannot be messaged.'],
  ['MISSING_NUMBER', 'The recipient field is empty.'],
  ['MISSING_FIELD', 'A label of the text has no value in this row; fill the field or give the label a fallback.'],
  ['UNSUPPORTED_COUNTRY', 'No country has this calling code.'],
  [
    'PREMIUM_NUMBER',
    'Premium and other special numbers (shared cost, toll-free, personal, pager, satellite …) are refused unless the account allows them.',
  ],
  [
    'TOO_LONG',
    'The text needs more parts than maxParts allows; of a call: it has more than 2,000 characters or 50 items.',
  ],
  ['EMPTY_TEXT', 'The text is empty after rendering.'],
  ['NO_ROUTE', 'No carrier is configured for this number and channel.'],
  ['SUPPRESSED', 'The number or address is on the suppression list.'],
  ['DUPLICATE', 'The number or address came earlier in the same job; the first row wins.'],
  ['ROW_TOO_LONG', 'The record is larger than 64 KiB; often a line end is missing, or a quote is not closed.'],
  ['FIELD_TOO_LONG', 'A field is larger than 16 KiB.'],
  ['TOO_MANY_COLUMNS', 'The record has more than 256 columns.'],
  ['TOO_FEW_COLUMNS', 'The record has fewer fields than the header.'],
  ['EXTRA_COLUMNS', 'The record has more fields than the header, and they are not empty.'],
  [
    'STRAY_QUOTE',
    'A quote stands inside an unquoted field or text follows a closing quote; double it, or quote the field.',
  ],
  [
    'UNCLOSED_QUOTE',
    'A quote is opened on this line and not closed within 64 KiB, or only by the quote of another record; close it, or double it.',
  ],
  [
    'BODY_INVALID',
    'A control character (NUL, ESC …), half a surrogate pair, or bytes that are no text in the encoding of the file.',
  ],
  [
    'BAD_DATE',
    'The time or its zone cannot be read: another format than the settings say, a day that there is not, or 24:00, which is 00:00 of the next day. Write 2026-11-22T09:00:00+00:00, or name the format with columns.sendAtFormat.',
  ],
  ['CHARACTER_UNSUPPORTED', 'A character cannot be sent with the coding that the carrier allows.'],
  ['CARRIER_REJECTED', 'The carrier refused the message for good; the raw status is beside it.'],
  ['RETRIES_EXHAUSTED', 'The carrier refused it temporarily until the attempts were used up.'],
  ['UNANSWERED', 'It was written to the carrier and the response never came.'],
  ['NO_RECEIPT', 'The carrier accepted it and sent no receipt in time.'],
  ['RECEIPT_UNDELIVERED', "The carrier's receipt says that it was not delivered."],
  ['RECEIPT_EXPIRED', "The carrier's receipt says that its validity was over."],
  ['RECEIPT_REJECTED', "The carrier's receipt says that it was rejected."],
  ['VALIDITY_OVER', 'Its validity was over before it could be sent.'],
  ['CANCELED_BY_CUSTOMER', 'The message was canceled, or its job or its event.'],
  ['RECORD_CORRUPT', 'The stored record does not match its checksum and was set aside.'],
  ['TEMPLATE_UNKNOWN', 'The keyword of this row names no template.'],
  ['INVALID_SENDER', 'The sender is neither a number nor up to 11 letters and digits; of an email, no email address.'],
  [
    'LINE_TYPE_REFUSED',
    'The channel rules of the account, or `landlines` or `prefer` of the job, refuse numbers of this type.',
  ],
  ['PREFIX_DENIED', 'The number begins with a prefix on the deny list of the account.'],
  ['PREFIX_NOT_ALLOWED', 'The account has a list of allowed prefixes, and the number begins with none of them.'],
  [
    'TLV_INVALID',
    'A custom parameter cannot be sent; tag 1 to 0xFFFF, a value that fits its type, at most 16 of 1,024 octets.',
  ],
  ['NO_PRICE', 'The account pays in advance and its price list has no price for this number.'],
  ['INSUFFICIENT_BALANCE', 'The prepaid balance of the account does not cover the message.'],
  ['QUOTA_EXCEEDED', 'A quota of the account is used up for today.'],
  ['SENDER_NOT_ALLOWED', 'The sender is not on the list of senders that the account may use.'],
  ['NOT_OPTED_IN', 'The contact has not agreed to be messaged, and the account demands that.'],
  ['SETTLED_BY_OPERATOR', 'Its end was unknown, and an operator settled it.'],
  [
    'FEATURE_OFF',
    'The way of sending (sms, voice, email) is switched off for this account; an admin can switch it on.',
  ],
  ['INVALID_EMAIL', 'The email address is none; correct it, or leave it empty.'],
  ['CONTACT_TOO_LARGE', 'A contact has at most 100 tags and 256 attributes, and 32 KiB of them all.'],
  [
    'TIME_INCOMPLETE',
    'The row has a date without a time, or a time without a date; fill both, or set columns.sendAtTimeOfDay for dates alone.',
  ],
  ['TIME_PAST', 'The time of the row is over, and columns.sendAtPast says that such rows are not sent.'],
  ['CONTACT_UNKNOWN', 'The contact that it would belong to does not exist; make or import that one first.'],
  ['MISSING_SUBJECT', 'An email needs a subject; set one, or give its template one.'],
  ['MAIL_TOO_LARGE', 'Subject, text and HTML of an email have at most 60,000 octets together.'],
  ['MISSING_EMAIL', 'The recipient has no email address.'],
  ['CONDITION_NOT_MET', 'The event or its contact does not meet the conditions of the rule.'],
  ['TOO_LATE', 'The moment of the rule was over when the event became known.'],
  ['ALREADY_SENT', 'A message of an earlier version of the event went to this recipient for the same moment.'],
  ['PARTLY_HEARD', 'The call was answered and ended before enough of it was heard; the percentage is beside it.'],
  ['BUSY', 'The line was busy.'],
  ['NO_ANSWER', 'Nobody answered the call.'],
  ['UNREACHABLE', 'The line could not be reached for now.'],
  ['DECLINED', 'The call was declined.'],
  ['CONGESTION', 'The network or the gateway had no line free.'],
  ['GATEWAY_ERROR', 'The gateway failed or did not answer.'],
  ['CARRIER_CONFIG', 'The gateway refuses our calls: check user, password, caller id and contract of the carrier.'],
  ['REFUSED', 'The gateway refused the call; the raw status is beside it.'],
  [
    'SPEECH_UNAVAILABLE',
    'There is no program that speaks texts: install espeak-ng or set speech.command, or play recordings.',
  ],
  ['SPEECH_FAILED', 'The text could not be turned into speech; the log says why.'],
  ['RECORDING_UNKNOWN', 'No recording has this name; upload it first.'],
  ['LANGUAGE_INVALID', 'The language of the row is none; write a tag such as en-GB or de, or leave it empty.'],
  ['LANGUAGE_UNSPOKEN', 'No voice speaks the language; name one with speech.voices, or choose another language.'],
] as const satisfies readonly (readonly [string, string])[]
export type ReasonCode = (typeof REASONS)[number][0]

const numbers = new Map<string, number>(REASONS.map(([code], index) => [code, index]))
/** Stored number of a code; 0 is NONE. */
export function reasonNumber(code: ReasonCode): number {
  return numbers.get(code)!
}
export function reasonCode(number: number): ReasonCode {
  return REASONS[number]?.[0] ?? 'NONE'
}
export function reasonHelp(code: ReasonCode): string {
  return REASONS[reasonNumber(code)]![1]
}
