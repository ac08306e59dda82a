/** Keys of `retention`: how long what is personal is kept. */
import { Type } from 'typebox'

const strict = { additionalProperties: false }
const days = { maximum: 36_500 }

export const RetentionSchema = Type.Object(
  {
    textDays: Type.Integer({
      ...days,
      minimum: 0,
      default: 7,
      description: 'Days after its end (a job) or its making (a single message) that texts are kept; 0: for ever.',
    }),
    rowDays: Type.Integer({
      ...days,
      minimum: 0,
      default: 90,
      description:
        'The same of everything else of a message, numbers with it, and of the file of its job; at least 8, so that late receipts find it; 0: for ever.',
    }),
    compactAtStart: Type.Boolean({
      default: true,
      description:
        "After an erasure the next start rewrites the store's files, so that nothing of it is left in them; false: only `trunkline compact` does.",
    }),
  },
  { ...strict, default: {}, description: 'How long texts and numbers are kept; see privacy.md.' },
)
