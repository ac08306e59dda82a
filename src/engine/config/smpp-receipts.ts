/** The keys of a carrier's delivery receipts: what is asked for, how it is told and how its ids are written (docs/receipts.md). */
import { type Static, Type } from 'typebox'

const strict = { additionalProperties: false }

export const ReceiptsSchema = Type.Object(
  {
    idFormat: Type.Union(
      [
        Type.Literal('auto'),
        Type.Literal('same'),
        Type.Literal('hexToDec'),
        Type.Literal('decToHex'),
        Type.Literal('hexString'),
        Type.Literal('ignoreCase'),
      ],
      {
        default: 'auto',
        description:
          'How ids in receipts differ from those in responses; auto: found out by itself. hexToDec: receipts are hex, responses decimal. hexString: one is the hex of the other’s characters.',
      },
    ),
    request: Type.Union([Type.Literal('final'), Type.Literal('failure'), Type.Literal('none')], {
      default: 'final',
      description: 'Which receipts are asked for; with failure or none, sent is final at once.',
    }),
    perMessage: Type.Union([Type.Literal('all'), Type.Literal('first'), Type.Literal('last')], {
      default: 'all',
      description: 'Parts of a long message that get a receipt: all, or one that counts for the whole message.',
    }),
    detect: Type.Union([Type.Literal('auto'), Type.Literal('esmClass')], {
      default: 'auto',
      description: 'What makes a receipt: also its parameters or its text; or esm_class alone.',
    }),
    matchNumber: Type.Union([Type.Literal('auto'), Type.Literal('always'), Type.Literal('never')], {
      default: 'auto',
      description:
        'Whether the addresses of a receipt must fit its message; auto: as soon as this carrier has sent some that do.',
    }),
    states: Type.Record(
      Type.String(),
      Type.Union([
        Type.Literal('delivered'),
        Type.Literal('undelivered'),
        Type.Literal('expired'),
        Type.Literal('rejected'),
        Type.Literal('enroute'),
      ]),
      {
        default: {},
        description: 'What a stat, or the number of a message_state, means here; before the usual table.',
      },
    ),
    regex: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 500,
        description:
          'Pattern for the text, with named groups id, stat, err, done; where it fits nothing, the usual reading.',
      }),
    ),
    timeZone: Type.String({
      default: 'UTC',
      maxLength: 64,
      description: 'Zone in which the carrier writes the dates of receipts; they are shown, never reckoned with.',
    }),
  },
  { ...strict, default: {}, description: 'Delivery receipts.' },
)

export type ReceiptsConfig = Static<typeof ReceiptsSchema>
