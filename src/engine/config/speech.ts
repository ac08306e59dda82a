/** What the configuration says of speech: which program turns texts into sound, how fast, and how much of it is kept. */
import { type Static, Type } from 'typebox'
import { LANGUAGE_PATTERN } from '../contract/speech.js'

/** No argument of a program can have it. */
const NO_NUL = '^[^\\u0000]*$'

export const SpeechSchema = Type.Object(
  {
    command: Type.Array(Type.String({ maxLength: 4096, pattern: NO_NUL }), {
      minItems: 1,
      maxItems: 64,
      default: ['espeak-ng', '--stdin', '--stdout', '-b', '1', '-v', '{voice}', '-s', '{rate}'],
      description:
        'Program and arguments; no shell is between. It gets the text as UTF-8 on stdin and writes WAV to stdout. {voice}, {language} and {rate} are filled in.',
    }),
    environment: Type.Record(
      Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }),
      Type.String({ maxLength: 4096, pattern: NO_NUL }),
      {
        default: {},
        description: 'What the program finds in its environment beside PATH and LANG; of ours it gets nothing else.',
      },
    ),
    voices: Type.Record(
      Type.String({ pattern: LANGUAGE_PATTERN }),
      Type.String({ maxLength: 256, pattern: '^[^-\\u0000][^\\u0000]*$' }),
      {
        default: {},
        description:
          'Voice by language (BCP 47), such as {de: mb-de5}. espeak-ng knows the voices of its languages without this.',
      },
    ),
    language: Type.String({
      pattern: LANGUAGE_PATTERN,
      default: 'en',
      description: 'What texts are spoken in where neither message, template nor job says.',
    }),
    rate: Type.Integer({ minimum: 40, maximum: 500, default: 150, description: 'Words per minute, as {rate}.' }),
    timeoutMs: Type.Integer({
      minimum: 100,
      maximum: 600_000,
      default: 30_000,
      description: 'A program that has not spoken a text by then is killed.',
    }),
    maxSeconds: Type.Integer({
      minimum: 1,
      maximum: 600,
      default: 180,
      description: 'Longest text when spoken, and longest recording.',
    }),
    cacheMegabytes: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 500,
      description:
        'Spoken texts that are kept in dataDir/speech, so that none is spoken twice; what was not used for longest goes first. A minute takes 1 MB.',
    }),
  },
  { additionalProperties: false, default: {}, description: 'How texts of calls are spoken.' },
)

export type SpeechConfig = Static<typeof SpeechSchema>
