/**
 * What answers of a carrier mean, where it differs from the table of the specification (smpp/status.ts): rules by status,
 * error and optional parameter, each with what becomes of the message or of the carrier, and for how long.
 */
import { type Static, Type } from 'typebox'
import { patternProblem } from '../base/safe-pattern.js'
import { statusRange } from './status-range.js'

const strict = { additionalProperties: false }

const StatusPattern = Type.Union(
  [
    Type.Integer({ minimum: 0, maximum: 0xffff_ffff }),
    Type.String({
      pattern: '^(?:\\*|(?:0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})(?:-(?:0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10}))?)$',
    }),
  ],
  { description: 'A command_status such as 0x58, a range such as 0x400-0x4FF, or * for any refusal.' },
)

export const OUTCOME_RULES = [
  'accepted',
  'rejected',
  'retry',
  'throttled',
  'nextCarrier',
  'slow',
  'reroute',
  'suspend',
  'stop',
] as const

const RuleSchema = Type.Object(
  {
    status: Type.Optional(
      Type.Union([StatusPattern, Type.Array(StatusPattern, { minItems: 1, maxItems: 64 })], {
        description: 'Answers with this status, range of them, or one of a list; * stands for any but 0.',
      }),
    ),
    error: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description:
          'Regular expression over the error: network_error_code of an answer, err of a receipt (receipts only steer the carrier).',
      }),
    ),
    tlv: Type.Optional(
      Type.Object(
        {
          tag: Type.Union(
            [Type.Integer({ minimum: 1, maximum: 0xffff }), Type.String({ pattern: '^0[xX][0-9a-fA-F]{1,4}$' })],
            {
              description: 'Tag of an optional parameter of the answer, such as 0x001D.',
            },
          ),
          matches: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 200,
              description: 'Regular expression over its value as Latin-1 text; absent: that it is there.',
            }),
          ),
          hex: Type.Optional(
            Type.String({ pattern: '^(?:[0-9a-fA-F]{2})+$', maxLength: 200, description: 'Its value in hex.' }),
          ),
        },
        { ...strict, description: 'An optional parameter that the answer must have.' },
      ),
    ),
    outcome: Type.Union(
      OUTCOME_RULES.map((name) => Type.Literal(name)),
      {
        description:
          'accepted; rejected: final; retry; throttled: slow down by itself; nextCarrier: this message only; slow, reroute, suspend, stop: the carrier.',
      },
    ),
    delayMs: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 86_400_000, description: 'Before the message goes again.' }),
    ),
    forSeconds: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 604_800,
        description: 'How long slow, reroute or suspend holds; absent: 60. stop holds until an operator ends it.',
      }),
    ),
    ratePerSecond: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1_000_000,
        description: 'Parts per second while slow holds; absent: a tenth of the rate.',
      }),
    ),
    count: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description: 'slow, reroute, suspend and stop act on the so-manieth such answer; absent: 1.',
      }),
    ),
    withinSeconds: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 86_400,
        description: 'Time in which `count` answers must come; absent: 60.',
      }),
    ),
    message: Type.Optional(
      Type.Union([Type.Literal('retry'), Type.Literal('nextCarrier'), Type.Literal('rejected')], {
        description: 'What becomes of the message where the outcome concerns the carrier; absent: retry.',
      }),
    ),
    reason: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'In words, for the log and GET /v1/carriers.' }),
    ),
  },
  strict,
)

export const outcomeKeys = {
  throttleCodes: Type.Array(StatusPattern, {
    default: ['0x400-0x4FF'],
    maxItems: 64,
    description: "The carrier's own statuses that mean throttling, beside 0x58 and 0x14; ranges are allowed.",
  }),
  outcomes: Type.Array(RuleSchema, {
    default: [],
    maxItems: 200,
    description:
      'What answers mean at this carrier, where it differs from the table; the first rule that fits decides.',
  }),
  ratePerSecondPerBind: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1_000_000,
      description: 'Parts per second of each bind, beside ratePerSecond; absent: no limit of its own.',
    }),
  ),
  ratePerSecondPerSender: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1_000_000,
      description: 'Parts per second of each sender; absent: no limit of its own.',
    }),
  ),
  adaptiveWindow: Type.Boolean({
    default: true,
    description: 'Use less of the window while answers take four times as long as they did, and more than 250 ms.',
  }),
}

export type OutcomeRule = Static<typeof RuleSchema>
export type StatusPatternConfig = Static<typeof StatusPattern>

/** What a schema cannot say of the rules; the path counts from the carrier. */
export function outcomeProblems(carrier: {
  outcomes: readonly OutcomeRule[]
  throttleCodes: readonly StatusPatternConfig[]
}): { path: (string | number)[]; text: string }[] {
  const problems: { path: (string | number)[]; text: string }[] = []
  carrier.throttleCodes.forEach((pattern, place) => {
    const text = rangeProblem(pattern)
    if (text !== null) problems.push({ path: ['throttleCodes', place], text })
  })
  carrier.outcomes.forEach((rule, index) => {
    for (const [key, text] of ruleProblems(rule)) problems.push({ path: ['outcomes', index, key], text })
  })
  return problems
}

function rangeProblem(pattern: StatusPatternConfig): string | null {
  const { from, to } = statusRange(pattern)
  if (to > 0xffff_ffff) return 'must not be above 0xFFFFFFFF'
  return from > to ? 'must begin with the lower status' : null
}

const ACTS_ON_CARRIER: ReadonlySet<string> = new Set(['slow', 'reroute', 'suspend', 'stop'])

function* ruleProblems(rule: OutcomeRule): Iterable<[string, string]> {
  const { status, error, tlv, outcome } = rule
  if (status === undefined && error === undefined && tlv === undefined) {
    yield ['outcome', 'stands without a condition; add status, error or tlv']
  }
  for (const pattern of status === undefined ? [] : [status].flat()) {
    const text = rangeProblem(pattern)
    if (text !== null) yield ['status', text]
  }
  const wrong = error === undefined ? null : patternProblem(error, [])
  if (wrong !== null) yield ['error', wrong]
  const wrongTlv = tlv?.matches === undefined ? null : patternProblem(tlv.matches, [])
  if (wrongTlv !== null) yield ['tlv', wrongTlv]
  if (ACTS_ON_CARRIER.has(outcome)) return
  for (const key of ['forSeconds', 'count', 'withinSeconds', 'message', 'ratePerSecond'] as const) {
    if (rule[key] !== undefined) yield [key, `has no meaning with ${outcome}, which concerns one message`]
  }
}
