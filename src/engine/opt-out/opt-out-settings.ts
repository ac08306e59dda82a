/** What an account may say about opting out, checked. Main thread. */
import { EngineError, type FieldError } from '../contract/errors.js'
import { KEYWORDS, type Keyword, type OptOutPatch, type OptOutSettings, type Unsubscribe } from '../contract/opt-out.js'
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

/** What stands behind a text; null: nothing. */
export interface WayOut {
  kind: 'text' | 'link'
  /** The whole sentence, or what stands before the link. */
  text: string
}

/** null: nothing is added. @throws EngineError VALIDATION: the way out would be none. */
export function wayOutOf(
  asked: { unsubscribe?: Unsubscribe; from?: string; pointer?: string },
  settings: OptOutSettings,
  hasLinks: boolean,
): WayOut | null {
  const { unsubscribe = 'none', from = '', pointer = '/unsubscribe' } = asked
  if (unsubscribe === 'none') return null
  if (unsubscribe === 'link') {
    if (hasLinks) return { kind: 'link', text: settings.linkText }
    throw wrong(pointer, 'link needs http.publicUrl in the configuration of the server')
  }
  if (!LETTERS.test(from)) return { kind: 'text', text: settings.text }
  throw wrong(pointer, `nobody can reply to the sender ${from}; use link, or a number as the sender`)
}

function wrong(pointer: string, message: string): EngineError {
  return new EngineError('VALIDATION', `${pointer.slice(1)}: ${message}.`, { fields: [{ pointer, message }] })
}
