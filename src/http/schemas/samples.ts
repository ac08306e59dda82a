/** Question and answer of POST /v1/profiles/:name/sample. */
import { Type } from 'typebox'
import { COLUMN_ROLES } from '../../engine/contract/sample.js'
import { nullable, strict, text } from './common.js'
import { CountsSchema, EstimateSchema, Findings, PreviewRowSchema, Reasons, Text } from './jobs.js'
import { ProfileSettingsSchema } from './templates.js'

export const SampleQuery = Type.Object(
  {
    save: Type.Optional(Type.Boolean({ description: 'Save what is proposed as the profile.' })),
    text: Type.Optional(Text),
    template: Type.Optional(text('Name of a template in place of the text.', 64)),
    defaultCountry: Type.Optional(
      Type.String({ pattern: '^[A-Z]{2}$', description: 'ISO 3166-1 alpha-2 in capitals, e.g. GB.' }),
    ),
    fileName: Type.Optional(text('Of the file; a pattern is guessed from it.', 255)),
  },
  strict,
)

const Place = nullable(Type.Integer({ description: 'Column from 1; null: it is about the file.' }))
const Words = { label: nullable(Type.String()), message: Type.String(), remedy: Type.String() }
const Doubt = Type.Object({ code: Type.String({ description: 'Stable code.' }), column: Place, ...Words })

const Column = Type.Object({
  column: Type.Integer({ description: 'From 1.' }),
  label: Type.String(),
  role: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    enum: [...COLUMN_ROLES, null],
    description: 'What it seems to hold.',
  }),
  examples: Type.Array(Type.String()),
})

export const SampleSchema = Type.Object(
  {
    name: Type.String(),
    settings: ProfileSettingsSchema,
    saved: Type.Boolean(),
    columns: Type.Array(Column),
    rows: Type.Array(PreviewRowSchema),
    doubts: Type.Array(Doubt, { description: 'What a person should look at, and what to do where a guess is wrong.' }),
    counts: CountsSchema,
    rejectedByReason: Reasons,
    estimate: EstimateSchema,
    file: Type.Object({
      bytes: Type.Integer(),
      dialect: Findings,
      warnings: Type.Array(Type.String()),
    }),
  },
  { description: 'A profile for files like this one, and its first 12 rows as they would be sent.' },
)
