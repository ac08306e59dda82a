/** What the configuration says of how much the API takes at once. What is not asked for here is in contract/limits.ts. */
import { Type } from 'typebox'

const strict = { additionalProperties: false } as const

function count(most: number, usual: number, description: string) {
  return Type.Integer({ minimum: 1, maximum: most, default: usual, description })
}

export const HttpLimitsSchema = Type.Object(
  {
    connections: count(
      100_000,
      4_096,
      'Open connections; when there are more, those that ask nothing are closed, the longest idle first. At least twice `requests`.',
    ),
    requests: count(50_000, 2_048, 'Requests under way; more are answered 503, reading from three quarters on.'),
    requestsPerAccount: count(50_000, 1_024, 'Requests of one account under way; more are answered 429.'),
    requestsPerSecondPerKey: count(1_000_000, 5_000, 'Requests of one key in a second; more are answered 429.'),
    uploads: count(10_000, 128, 'Files that are uploaded at once; more are answered 503.'),
    uploadsPerAccount: count(10_000, 32, 'Files that one account uploads at once; more are answered 429.'),
  },
  { ...strict, default: {}, description: 'How much the API takes at once.' },
)
