/**
 * One play list, every label filled, made into what is stored of a call: greeting, message, closing. The same for a row of a
 * file and for a single message. Ingest threads and main thread, once per call that differs from the one before.
 */
import { speechRefusal } from '../base/speech-refusal.js'
import { limits } from '../contract/limits.js'
import { CODINGS, type Coding } from '../contract/message.js'
import { reasonNumber } from '../contract/reasons.js'
import type { CallTerms, PlayItem, VoicePlan } from '../contract/speech.js'
import type { SpeechStatus } from '../contract/speech-work.js'
import { closingWords } from './closing-words.js'
import { playItem } from './prompts.js'
import type { Segmented } from './segment.js'
import { packSpeech, type SpeechBody, type SpokenItem, spokenText } from './speech-body.js'

export const SPEECH = CODINGS.indexOf('speech') as Coding

const EMPTY_TEXT = reasonNumber('EMPTY_TEXT')
const TOO_LONG = reasonNumber('TOO_LONG')
const RECORDING_UNKNOWN = reasonNumber('RECORDING_UNKNOWN')

/** A letter or a digit: anything else is silence, or the names of signs. */
const SAYABLE = /[\p{L}\p{N}]/u
const NOT_SPOKEN: CallTerms = { callerIds: [], optOutDigit: '', repeatDigit: '' }

/** What stands around the messages of an account. */
export interface SpeechFrame {
  greeting: readonly PlayItem[]
  closing: readonly PlayItem[]
}

export type FrameSettings = Pick<VoicePlan, 'greeting' | 'closing' | 'usualLanguage'>

/** `hasClosing` false: the message says that it names no way out. */
export function speechFrame(
  { greeting, closing, usualLanguage }: FrameSettings,
  { language, terms = NOT_SPOKEN, hasClosing }: { language: string; terms?: CallTerms; hasClosing: boolean },
): SpeechFrame {
  const before = greeting.map(playItem)
  if (!hasClosing) return { greeting: before, closing: [] }
  if (closing !== null) return { greeting: before, closing: closing.map(playItem) }
  const words = closingWords(language || usualLanguage, terms)
  return { greeting: before, closing: words === '' ? [] : [{ text: words }] }
}

/** A call as it is stored, and as it is shown. */
export interface Spoken {
  /** 0 when it can be said, else why not. */
  reason: number
  bytes: Buffer
  /** All that is spoken of it; recordings and pauses left out. */
  text: string
  /** All of it, recordings by their names. */
  items: readonly PlayItem[]
  language: string
}

export interface Speaking {
  frame: SpeechFrame
  language: string
  /** Name (NFC) → SHA-256. */
  recordings: ReadonlyMap<string, string>
  /** What can be spoken as far as is known; null or absent: nobody knows. */
  speech?: SpeechStatus | null
}

export function speak(message: readonly PlayItem[], { frame, language, recordings, speech = null }: Speaking): Spoken {
  const wrong = problemOf(message)
  if (wrong !== 0) return unspoken(wrong)
  // Of a closing that cannot be spoken the rest is heard.
  const hasText = [...frame.greeting, ...message].some((item) => 'text' in item && SAYABLE.test(item.text))
  const refusal = hasText ? speechRefusal(speech, language) : null
  if (refusal !== null) return unspoken(reasonNumber(refusal.reason))
  const items = [...frame.greeting, ...message, ...frame.closing]
  const spoken: SpokenItem[] = []
  for (const item of items) {
    const stored = 'recording' in item ? recordings.get(item.recording.trim().normalize('NFC')) : undefined
    if ('recording' in item && stored === undefined) return unspoken(RECORDING_UNKNOWN)
    spoken.push(stored === undefined ? (item as SpokenItem) : { recording: stored })
  }
  return whole({ language, items: spoken, closing: frame.closing.length }, items)
}

/** One that was stored before, as it is. */
export function speakAgain(body: SpeechBody): Spoken {
  return whole(body, body.items)
}

function whole(body: SpeechBody, items: readonly PlayItem[]): Spoken {
  const bytes = packSpeech(body)
  if (bytes === null) return unspoken(TOO_LONG)
  return { reason: 0, bytes, text: spokenText(items), items, language: body.language }
}

function unspoken(reason: number): Spoken {
  return { reason, bytes: Buffer.alloc(0), text: '', items: [], language: '' }
}

/** 0, or why the message cannot be said. */
function problemOf(message: readonly PlayItem[]): number {
  let characters = 0
  let saysAnything = false
  for (const item of message) {
    if ('recording' in item) saysAnything = true
    if (!('text' in item)) continue
    characters += item.text.length
    saysAnything ||= SAYABLE.test(item.text)
  }
  if (!saysAnything) return EMPTY_TEXT
  return characters > limits.speechCharacters || message.length > limits.speechItems ? TOO_LONG : 0
}

/** As a text that was cut: one part that holds all of it. */
export function spokenPart({ reason, bytes, text }: Spoken): Segmented {
  return {
    ...{ reason, coding: SPEECH, shift: 0, partCount: 1, bytes, units: text.length, text },
    ...{ partStarts: Uint32Array.of(0), partLengths: Uint16Array.of(bytes.length) },
  }
}

/** The first of the senders that the carriers let a call show, as they write it; '' = their own choice. */
export function callerIdOf({ callerIds }: CallTerms, senders: readonly (string | undefined)[]): string {
  for (const sender of senders) {
    if (sender === undefined || sender === '') continue
    const wanted = bare(sender)
    const found = callerIds.find((callerId) => bare(callerId) === wanted)
    if (found !== undefined) return found
  }
  return ''
}

function bare(number: string): string {
  return number.startsWith('+') ? number.slice(1) : number
}
