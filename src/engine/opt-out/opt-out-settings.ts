/** What an account may say about opting out, checked. Main thread. */
import { EngineError, type FieldError } from '../contract/errors.js'
import type { ChannelName } from '../contract/message.js'
import {
  KEYWORDS,
  type Keyword,
  type OptOutPatch,
  type OptOutSettings,
  type Unsubscribe,
  type WayOutPlan,
} from '../contract/opt-out.js'
import { isBody } from '../text/body.js'
import { wordsOf } from './keyword-finder.js'

/** The settings with those of the patch; what is wrong goes to `fields`. */
export function withOptOut(
  before: OptOutSettings,
  patch: OptOutPatch | undefined,
  fields: FieldError[],
): OptOutSettings {
  if (patch === undefined) return before
  const confirmations = { ...before.confirmations, ...patch.confirmations }
  const after = { ...before, ...patch, confirmations }
  fields.push(...wordErrors(after), ...textErrors(after))
  return after
}

function* wordErrors(settings: OptOutSettings): Iterable<FieldError> {
  const seen = new Map<string, Keyword>()
  for (const keyword of KEYWORDS) {
    for (const [index, text] of settings[`${keyword}Words`].entries()) {
      const pointer = `/optOut/${keyword}Words/${index}`
      const word = wordsOf(text).join('')
      const other = seen.get(word)
      if (word === '') yield { pointer, message: 'must have a letter or a digit' }
      else if (other !== undefined && other !== keyword) yield { pointer, message: `is one of ${other}Words too` }
      else if (word === 'stop' && keyword !== 'stop') yield { pointer, message: 'STOP is always a STOP word' }
      seen.set(word, keyword)
    }
  }
}

function* textErrors({ confirmations, text, linkText }: OptOutSettings): Iterable<FieldError> {
  for (const keyword of KEYWORDS) {
    const reply = confirmations[keyword]
    if (reply != null && !isText(reply)) yield { pointer: `/optOut/confirmations/${keyword}`, message: NO_TEXT }
  }
  if (!isText(text)) yield { pointer: '/optOut/text', message: NO_TEXT }
  if (linkText !== '' && !isText(linkText)) yield { pointer: '/optOut/linkText', message: NO_TEXT }
}

const NO_TEXT = 'must be a text without control characters'

function isText(text: string): boolean {
  return text.trim() !== '' && isBody(text)
}

const LETTERS = /[^\d+]/

/** What links are made of; see http.publicUrl. */
export interface Links {
  publicUrl: string
  secret: Uint8Array
}

export interface WayOutAsked {
  unsubscribe?: Unsubscribe
  from?: string
  channel?: 'auto' | ChannelName
}

/** How texts get their way out; null: they get none. @throws EngineError VALIDATION: it would be none. */
export function wayOutPlan(
  { number, optOut }: { number: number; optOut: OptOutSettings },
  { unsubscribe = 'none', from = '', channel }: WayOutAsked,
  links: Links | null,
): WayOutPlan | null {
  // A call has its closing.
  if (unsubscribe === 'none' || channel === 'voice') return null
  if (unsubscribe === 'text') {
    if (!LETTERS.test(from)) return { text: optOut.text, link: null }
    throw wrong(`nobody can reply to the sender ${from}; use link, or a number as the sender`)
  }
  if (links === null) throw wrong('link needs http.publicUrl in the configuration of the server')
  const url = links.publicUrl.replace(/\/+$/, '')
  const link = { url, secret: links.secret, account: number, bySender: optOut.scope === 'sender' }
  return { text: optOut.linkText, link }
}

function wrong(message: string): EngineError {
  const fields = [{ pointer: '/unsubscribe', message }]
  return new EngineError('VALIDATION', `unsubscribe: ${message}.`, { fields })
}
