/** Bodies and answers of /v1/recordings and /v1/speech. */
import { Type } from 'typebox'
import { limits } from '../../engine/contract/limits.js'
import { LANGUAGE_PATTERN } from '../../engine/contract/speech.js'
import { nullable, strict, Timestamp, text } from './common.js'

export const RecordingSchema = Type.Object(
  {
    name: Type.String(),
    seconds: Type.Number(),
    rate: Type.Integer({ description: 'Samples per second as uploaded; calls play 8,000.' }),
    channels: Type.Integer({ description: 'As uploaded; calls play one.' }),
    bytes: Type.Integer({ description: 'Of the file as uploaded.' }),
    sha256: Type.String({ description: 'Of its sound: equal for files that sound alike.' }),
    description: nullable(Type.String()),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  { description: 'The recording.' },
)

export const RecordingQuery = Type.Object({ description: Type.Optional(text('For people.', 1_024)) }, strict)

/** Of the document alone: the body is a stream. */
export const wavContent = { content: { 'audio/wav': { schema: { type: 'string', format: 'binary' } } } }

export function wavAnswer(description: string): object {
  return { description, ...wavContent }
}

const Language = Type.String({
  pattern: LANGUAGE_PATTERN,
  maxLength: 44,
  description: 'BCP 47, such as en-GB; absent: speech.language of the configuration.',
})

export const SpokenTextSchema = Type.Object(
  {
    text: text('What is spoken, as it is: labels are not filled in.', limits.speechCharacters),
    language: Type.Optional(Language),
  },
  { ...strict, description: 'A text and the language in which it is spoken.' },
)

export const SpeechSchema = Type.Object(
  {
    available: Type.Boolean({ description: 'The program that speaks texts is there.' }),
    detail: Type.String({ description: 'The program, or what is missing and what to do.' }),
    language: Type.String({ description: 'What is spoken where nothing is said.' }),
    languages: nullable(
      Type.Array(Type.String(), { description: 'All that have a voice; null: the program cannot be asked.' }),
    ),
  },
  { description: 'How texts are spoken here.' },
)
