/** What reports are asked for and what a summary answers. */
import { type Static, Type } from 'typebox'
import { CHANNELS, STATES } from '../../engine/contract/message.js'
import { nullable, oneOf, strict, Timestamp } from './common.js'

const State = oneOf(STATES, 'State of a message.')

/** Several, separated by commas. */
const states = Type.Optional(
  Type.String({
    pattern: `^(${STATES.join('|')})(,(${STATES.join('|')}))*$`,
    description: 'Only messages in these states, separated by commas: failed,undelivered,expired.',
  }),
)

const channel = Type.Optional(oneOf(CHANNELS, 'Only messages that go this way.'))

export const ReportQuerySchema = Type.Object({ state: states, channel }, strict)
export type ReportQueryText = Static<typeof ReportQuerySchema>
export const LogQuerySchema = Type.Object(
  {
    state: states,
    channel,
    since: Type.Optional(Type.String({ description: 'Made at this time or later, RFC 3339.' })),
    until: Type.Optional(Type.String({ description: 'Made before this time, RFC 3339.' })),
    from: Type.Optional(Type.String({ maxLength: 20, description: 'Sender.' })),
    to: Type.Optional(Type.String({ maxLength: 64, description: 'Recipient, in any spelling.' })),
  },
  strict,
)
export type LogQueryText = Static<typeof LogQuerySchema>

const Count = Type.Integer({ minimum: 0 })

const OutcomeShareSchema = Type.Object({
  state: State,
  reason: nullable(Type.String({ description: 'Stable code.' })),
  help: nullable(Type.String({ description: 'One sentence to go with the reason.' })),
  messages: Count,
})

const CarrierShareSchema = Type.Object({
  carrier: Type.String(),
  submitted: Type.Integer({ minimum: 0, description: 'Messages that it took at least a part of.' }),
  delivered: Count,
  refusals: Type.Array(Type.Object({ status: Type.Integer(), statusName: nullable(Type.String()), times: Count }), {
    description: "Refusals and failed tries by the carrier's own status.",
  }),
})

export const JobSummarySchema = Type.Object(
  {
    id: Type.String(),
    outcomes: Type.Array(OutcomeShareSchema, { description: 'How its messages ended or stand, most frequent first.' }),
    carriers: Type.Array(CarrierShareSchema),
    firstSubmittedAt: nullable(Timestamp),
    lastOutcomeAt: nullable(Timestamp),
  },
  { description: 'A job summed up.' },
)

/** The states that a query names. */
export function statesOf(text: string | undefined): (typeof STATES)[number][] | undefined {
  return text?.split(',') as (typeof STATES)[number][] | undefined
}
