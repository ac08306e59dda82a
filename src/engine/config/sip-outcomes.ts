/** The keys of a SIP carrier that say what its answers to calls mean, where it differs from the usual. */
import { type Static, Type } from 'typebox'

/** What a rule may make of an answer: how calls can end, and whether the next gateway is tried. */
const CALL_OUTCOMES = [
  'busy',
  'noAnswer',
  'unreachable',
  'invalidNumber',
  'declined',
  'congestion',
  'gatewayError',
  'carrierConfig',
  'refused',
] as const
export type CallOutcomeName = (typeof CALL_OUTCOMES)[number]

const RuleSchema = Type.Object(
  {
    status: Type.Optional(
      Type.String({
        pattern: '^[3-6](?:[0-9]{2}|[0-9]x|xx)$',
        description: 'Final responses with this status: 403, or 40x, 5xx for many.',
      }),
    ),
    q850: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 127,
        description: 'Q.850 cause of the Reason header (RFC 3326), such as 34.',
      }),
    ),
    matches: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'Regular expression over the reason phrase and the text of the Reason header.',
      }),
    ),
    outcome: Type.Unsafe<CallOutcomeName>(
      Type.Union(
        CALL_OUTCOMES.map((name) => Type.Literal(name)),
        {
          description:
            'busy, noAnswer, unreachable: called again later; invalidNumber, declined, refused: final; congestion, gatewayError: the next gateway at once, and no attempt is used; carrierConfig: the same, and several in a row suspend the carrier.',
        },
      ),
    ),
    delayMinutes: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 10_080,
        description: 'Until the number is called again; absent: as retryMinutes says.',
      }),
    ),
  },
  { additionalProperties: false },
)

export const callOutcomeKeys = {
  outcomes: Type.Array(RuleSchema, {
    default: [],
    maxItems: 200,
    description: 'What answers mean at this carrier, where it differs; the first rule that fits decides.',
  }),
}

export type CallRule = Static<typeof RuleSchema>
