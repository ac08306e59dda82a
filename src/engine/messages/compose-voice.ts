/**
 * The call of a request whose number, route and times are accepted: its play list or its text, between what the account says
 * before and after, by the same rules as a row of a file (ingest/row-speech.ts). Main thread.
 */
import { isLanguage } from '../base/language-tag.js'
import { speechRefusal } from '../base/speech-refusal.js'
import type { RoutePlan } from '../contract/ingest.js'
import { type ReasonCode, reasonCode } from '../contract/reasons.js'
import type { PlayItem } from '../contract/speech.js'
import { isBody } from '../text/body.js'
import { recordingNames } from '../text/prompts.js'
import { type Spoken, speak, speechFrame } from '../text/speaking.js'
import type { ComposeAccount, ComposeDeps } from './compose.js'
import type { FilledMessage } from './template-text.js'

export type CallDeps = Pick<ComposeDeps, 'recordings' | 'usualLanguage' | 'speech'>

export interface CallRequest {
  account: ComposeAccount
  request: FilledMessage
  route: RoutePlan
}

export interface CallRefusal {
  reason: ReasonCode
  detail?: string
}

export function composeCall(deps: CallDeps, { account, request, route }: CallRequest): Spoken | CallRefusal {
  const message = messageOf(request)
  if ('reason' in message) return message
  const { voice } = account
  const language = request.language ?? voice.language ?? ''
  if (language !== '' && !isLanguage(language)) return { reason: 'LANGUAGE_INVALID' }
  const { greeting, closing } = voice
  const { usualLanguage = 'en' } = deps
  const frame = speechFrame(
    { greeting: greeting ?? [], closing, usualLanguage },
    { language, terms: route.call, hasClosing: request.unsubscribe !== 'none' },
  )
  const names = recordingNames([...frame.greeting, ...message.items, ...frame.closing])
  const recordings = names.length === 0 ? NONE : (deps.recordings?.(account.number) ?? NONE)
  const speech = deps.speech?.() ?? null
  const spoken = speak(message.items, { frame, language, recordings, speech })
  if (spoken.reason === 0) return spoken
  const reason = reasonCode(spoken.reason)
  if (reason === 'RECORDING_UNKNOWN') return { reason, detail: unknownRecording(names, recordings) }
  const refusal = speechRefusal(speech, language)
  return refusal?.reason === reason ? refusal : { reason }
}

/** Which one it is: a list may have many, the greeting of the account among them. */
function unknownRecording(names: readonly string[], recordings: ReadonlyMap<string, string>): string {
  const unknown = names.find((name) => !recordings.has(name.trim().normalize('NFC')))
  return `The account has no recording ${JSON.stringify(unknown)}; upload it first.`
}

const NONE: ReadonlyMap<string, string> = new Map()

function messageOf({ play, unfilled, text = '' }: FilledMessage): { items: readonly PlayItem[] } | CallRefusal {
  if (play !== undefined) {
    if ('reason' in play) return play
    const texts = play.items.flatMap((item) => ('text' in item ? [item.text] : []))
    return texts.every(isBody) ? play : { reason: 'BODY_INVALID' }
  }
  if (unfilled !== undefined) return unfilled
  return isBody(text) ? { items: [{ text }] } : { reason: 'BODY_INVALID' }
}
