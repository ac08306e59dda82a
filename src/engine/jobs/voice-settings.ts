/** What of a job's settings is about calls: what can be wrong, and how its calls are put together. Main thread. */
import { isLanguage } from '../base/language-tag.js'
import type { FieldError } from '../contract/errors.js'
import type { RoutePlan } from '../contract/ingest.js'
import type { JobSettings } from '../contract/job.js'
import {
  DEFAULT_VOICE,
  type PromptSetting,
  type SpokenSettings,
  type VoicePlan,
  type VoiceSettings,
  type VoiceTexts,
} from '../contract/speech.js'
import type { SpeechStatus } from '../contract/speech-work.js'
import { compilePrompts, promptErrors, promptTexts, recordingNames } from '../text/prompts.js'
import { callerIdOf } from '../text/speaking.js'

/** What a text or a play list of anybody may say wrong. */
export function* spokenErrors({ prompts, language }: SpokenSettings): Iterable<FieldError> {
  if (prompts !== undefined) yield* promptErrors(prompts, '/prompts')
  if (language !== undefined && language !== '' && !isLanguage(language)) {
    yield { pointer: '/language', message: 'must be a language tag such as en-GB' }
  }
}

/** Nothing but calls, and they say what they play: no text is needed. */
export function playsAlone({ channel, prompts = [] }: JobSettings): boolean {
  return channel === 'voice' && prompts.length > 0
}

/** @throws EngineError TEMPLATE_INVALID. */
export function compileSpoken({ prompts = [] }: SpokenSettings): void {
  compilePrompts(prompts)
}

/** Texts of a job whose labels the file must have, as far as they are about calls. */
export function spokenTexts({ prompts = [] }: SpokenSettings): string[] {
  return promptTexts(prompts)
}

export interface VoiceFacts {
  settings: JobSettings
  /** null once it was deleted. */
  voice: VoiceSettings | null
  /** By folded keyword. */
  templates: Record<string, VoiceTexts>
  /** As configured. */
  usualLanguage: string
  /** What can be spoken as far as is known; null or absent: nobody knows. */
  speech?: SpeechStatus | null
  /** Name → SHA-256, of all recordings of the account. */
  recordings(): ReadonlyMap<string, string>
}

export function voicePlanOf(facts: VoiceFacts): VoicePlan {
  const { settings, templates, usualLanguage, speech = null } = facts
  const { language, greeting, closing } = facts.voice ?? DEFAULT_VOICE
  const { prompts } = settings
  const lists = [prompts, greeting, closing, ...Object.values(templates).map((texts) => texts.prompts)]
  return {
    ...(prompts === undefined ? {} : { prompts }),
    templates,
    language: settings.language ?? language ?? '',
    usualLanguage,
    speech,
    greeting: greeting ?? [],
    closing,
    recordings: namedIn(
      lists.flatMap((list) => list ?? []),
      facts.recordings,
    ),
  }
}

/** It crosses to other threads with each range: only what is named is taken along, unless a row names it. */
function namedIn(prompts: readonly PromptSetting[], recordings: VoiceFacts['recordings']): ReadonlyMap<string, string> {
  const names = recordingNames(prompts)
  if (names.length === 0) return new Map()
  const all = recordings()
  if (names.some((name) => name.includes('~'))) return all
  const wanted = names.map((name) => name.trim().normalize('NFC'))
  return new Map(wanted.flatMap((name) => (all.has(name) ? [[name, all.get(name)!] as const] : [])))
}

/** The routes as a job takes them along: of all caller ids the one that it shows. */
export function routesWithCaller(routes: RoutePlan[], senders: readonly (string | undefined)[]): RoutePlan[] {
  if (!routes.some(({ call }) => call !== undefined)) return routes
  return routes.map((route) => {
    if (route.call === undefined) return route
    const callerId = callerIdOf(route.call, senders)
    return { ...route, call: { ...route.call, callerIds: callerId === '' ? [] : [callerId] } }
  })
}
