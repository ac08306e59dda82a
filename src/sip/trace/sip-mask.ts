/**
 * What of a SIP message may be shown to whoever watches: a copy of the same length in which asterisks stand for passwords and
 * what is made of them, always, and for numbers, names and texts unless these were asked for. Dispatcher thread.
 *
 * Messages come from anybody: an expression that begins anew within what it has looked at in vain would take seconds for one.
 */
import { headEnd } from '../message/parse.js'

/** Lines that prove that somebody knows a password. */
const PROOF = /^((?:proxy-)?authorization[ \t]*:[ \t]*[A-Za-z]*)([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)/gim
/** `sip:user:password@host`, as far as a userinfo could go. */
const USER_IN_URI = /(sips?:)([^\s@<>]+)(@?)/gi
/** Quoted, or what is quoted so far; with its end where an address follows. */
const NAME_IN_ADDRESS = /"((?:[^"\\\r\n]|\\.)*)("(?=[ \t]*<))?/g
const BARE_NAME_IN_ADDRESS =
  /^((?:from|f|to|t|contact|m|p-[a-z-]*identity|remote-party-id|diversion|reply-to)[ \t]*:[ \t]*)([^"<\r\n:]+)(?=<)/gim
/** Passports of RFC 8224 name both numbers, encoded. */
const PASSPORT = /^((?:identity|y)[ \t]*:)([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)/gim
/** Runs of digits that can be a number that is called, not parts of tokens, tags, branches and addresses. */
const NUMBER = /(?<![A-Za-z0-9.*]|tag=|branch=|nonce="|id=)\d{7,}(?![A-Za-z*])/g
const NUMBER_IN_URI = /((?:sips?|tel):(?:\+|%2b)?)(\d[\d().-]{3,}\d)(?![\w.])/gi
const TECHNICAL =
  /^(?:via|v|call-id|i|cseq|content-length|l|max-forwards|expires|session-expires|x|min-se|timestamp|user-agent|server|date|rseq|rack|route|record-route|www-authenticate|proxy-authenticate)[ \t]*:/i
const PRIVATE_IN_SDP = /^([iep]=)([^\r\n]*)/gm

/** `text`: numbers, names and texts were asked for. */
export function maskedSip(bytes: Buffer, text: boolean): Buffer {
  const bodyAt = headEnd(bytes, 0)
  const split = bodyAt < 0 ? bytes.length : bodyAt
  const head = bytes.latin1Slice(0, split)
  const hidden = head.replace(PROOF, hideSecond).replace(USER_IN_URI, withoutPassword)
  const shown = text ? hidden : withoutNumbers(hidden)
  const body = bytes.latin1Slice(split)
  return Buffer.from(shown + (text ? body : withoutTexts(head, body)), 'latin1')
}

/** 447712345678 → 4477*****678: enough to recognise, too little to call. Separators stay. */
function maskedDigits(text: string): string {
  const count = text.replace(/\D/g, '').length
  let at = 0
  return text.replace(/\d/g, (digit) => {
    at++
    return count >= 7 && (at <= 4 || at > count - 3) ? digit : '*'
  })
}

function withoutNumbers(head: string): string {
  const named = head
    .replace(NAME_IN_ADDRESS, (all, name: string, end = '') => (end === '' ? all : `"${'*'.repeat(name.length)}"`))
    .replace(BARE_NAME_IN_ADDRESS, hideSecond)
    .replace(PASSPORT, hideSecond)
    .replace(NUMBER_IN_URI, (_all, scheme: string, digits: string) => scheme + maskedDigits(digits))
  return named.replace(/[^\r\n]+/g, (line) =>
    TECHNICAL.test(line) ? line : line.replace(NUMBER, (digits) => maskedDigits(digits)),
  )
}

/** SDP names ports and codecs, and may name a person; any other body is somebody's words, or digits that were pressed. */
function withoutTexts(head: string, body: string): string {
  const isSdp = /^(?:content-type|c)[ \t]*:[ \t]*application\/sdp\b/im.test(head)
  return isSdp ? body.replace(PRIVATE_IN_SDP, hideSecond) : body.replace(/[^\r\n]/g, '*')
}

function withoutPassword(all: string, scheme: string, user: string, at: string): string {
  const colon = at === '' ? -1 : user.indexOf(':')
  return colon < 0 ? all : hideSecond(all, scheme + user.slice(0, colon + 1), user.slice(colon + 1)) + at
}

function hideSecond(_all: string, kept: string, hidden: string): string {
  return kept + hidden.replace(/[^\s]/g, '*')
}
