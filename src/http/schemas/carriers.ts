/** Bodies and answers of /v1/carriers. */
import { Type } from 'typebox'
import { limits } from '../../engine/contract/limits.js'
import { nullable, strict } from './common.js'
import { Rate } from './jobs.js'

const BindSchema = Type.Object({
  index: Type.Integer(),
  state: Type.String({ description: 'closed, connecting, binding, bound, unbinding or waiting.' }),
  inFlight: Type.Integer(),
  window: Type.Integer(),
  windowNow: Type.Integer({ description: 'In use: less than window while the carrier answers slowly.' }),
  lastError: nullable(Type.String({ description: 'Why the last session ended or was refused, in words.' })),
  host: Type.Optional(nullable(Type.String({ description: 'host:port of the session that is, or was last.' }))),
  retryInMs: Type.Optional(nullable(Type.Integer({ description: 'While it waits: time until the next try.' }))),
})

const ActionSchema = Type.Object({
  at: Type.String({ format: 'date-time' }),
  action: Type.String({ description: 'throttled, slowed, rerouted, suspended or stopped.' }),
  reason: Type.String({ description: 'Which answers led to it.' }),
  until: nullable(
    Type.String({ format: 'date-time', description: 'null: until the carrier recovers, or an operator ends it.' }),
  ),
})

const ReceiptsSchema = Type.Object(
  {
    idFormat: Type.String({ description: 'In use: same, hexToDec, decToHex, hexString or ignoreCase.' }),
    configured: Type.String({ description: 'As configured; auto: found out.' }),
    unmatched: Type.Integer({ description: 'Receipts that wait for their message.' }),
    evidence: Type.Object({
      matched: Type.Record(Type.String(), Type.Integer(), {
        description: 'Receipts of this run that matched, by form.',
      }),
      adoptedAt: nullable(Type.String({ format: 'date-time', description: 'When the form was found out.' })),
      fitted: Type.Integer({ description: 'Parked receipts that then fitted in it and in no other.' }),
      example: nullable(Type.Object({ receipt: Type.String(), response: Type.String() })),
    }),
  },
  { description: 'How ids in receipts are read, and what that rests on.' },
)

export const CarrierSchema = Type.Object(
  {
    id: Type.String(),
    protocol: Type.String(),
    paused: Type.Boolean(),
    pausedBecause: Type.Optional(
      Type.String({ description: 'Why the engine paused it by itself; absent: an operator did.' }),
    ),
    ratePerSecond: nullable(Type.Number({ description: 'As agreed.' })),
    rateNowPerSecond: nullable(
      Type.Number({ description: 'In force: less while the carrier throttles or is slowed; null: no limit.' }),
    ),
    actions: Type.Array(ActionSchema, {
      description: 'What its answers led to by themselves, and what has not ended.',
    }),
    binds: Type.Array(BindSchema),
    receipts: Type.Optional(ReceiptsSchema),
  },
  { description: 'The carrier as it is now.' },
)
export const CarrierListSchema = Type.Object(
  { items: Type.Array(CarrierSchema), nextCursor: Type.Null() },
  { description: 'All carriers.' },
)
export const CarrierPatchSchema = Type.Object(
  {
    paused: Type.Optional(Type.Boolean({ description: 'Nothing new is sent; receipts still come in.' })),
    ratePerSecond: Type.Optional(nullable(Rate)),
    window: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.windowMax })),
    binds: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.bindsMax })),
    clearActions: Type.Optional(
      Type.Literal(true, {
        description: 'Ends every automatic action: slowed, rerouted, suspended, stopped, throttled.',
      }),
    ),
  },
  { ...strict, minProperties: 1, description: 'Absent keys stay as they are.' },
)
