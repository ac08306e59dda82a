/** What settings say about calls: play lists, languages, and what stands around each message of an account. */
import { Type } from 'typebox'
import { limits } from '../../engine/contract/limits.js'
import { LANGUAGE_PATTERN, type PlayItem, type PromptSetting } from '../../engine/contract/speech.js'
import { nullable, strict, text } from './common.js'

const item = {
  text: { type: 'string', maxLength: limits.speechCharacters },
  recording: { type: 'string', maxLength: 256 },
  pauseMs: { type: 'integer', minimum: 0, maximum: limits.speechPauseMs },
}

/** What a prompt may be is checked by the engine, which names each fault. */
const Prompt = Type.Unsafe<PromptSetting>({
  type: ['string', 'object'],
  maxLength: limits.speechCharacters,
  properties: item,
  additionalProperties: false,
  description:
    'A text that is spoken, the same as {"text": …}; {"recording": NAME} of the account; or {"pauseMs": 500}. Texts and names ' +
    'of recordings take ~label~ and ~label|fallback~.',
})

/** As stored and shown. */
const Played = Type.Unsafe<PlayItem>({
  type: 'object',
  properties: { text: { type: 'string' }, recording: { type: 'string' }, pauseMs: { type: 'integer' } },
})

export const Prompts = Type.Array(Prompt, {
  maxItems: limits.speechItems,
  description: 'Of a call: what is played, in order, in the place of the text.',
})
export const Language = Type.String({
  maxLength: 35,
  pattern: LANGUAGE_PATTERN,
  description: 'Of a call: language that its texts are spoken in, such as en-GB.',
})

/** Of a message or row that is a call. */
export const PlayedPrompts = Type.Array(Played, {
  description: 'Of a call: all that is played, greeting and closing with it; recordings by name or by SHA-256.',
})

export const VoiceSetting = Type.Object(
  {
    language: Type.Optional(nullable(Language)),
    greeting: Type.Optional(nullable(Prompts)),
    closing: Type.Optional(nullable(Prompts)),
  },
  {
    ...strict,
    description:
      'Calls of the account: their language, what is played before each message (such as who calls), and after it (null: the ' +
      'built-in offer of the digits; []: nothing). Given keys only are changed.',
  },
)

export const VoiceView = Type.Object({
  language: nullable(text('Of what names none itself; null: as configured.', 35)),
  greeting: nullable(Type.Array(Prompt)),
  closing: nullable(Type.Array(Prompt)),
})
