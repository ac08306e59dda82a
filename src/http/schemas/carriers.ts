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
  lastError: nullable(Type.String({ description: 'Why the last session ended or was refused, in words.' })),
  host: Type.Optional(nullable(Type.String({ description: 'host:port of the session that is, or was last.' }))),
  retryInMs: Type.Optional(nullable(Type.Integer({ description: 'While it waits: time until the next try.' }))),
})

export const CarrierSchema = Type.Object(
  {
    id: Type.String(),
    protocol: Type.String(),
    paused: Type.Boolean(),
    ratePerSecond: nullable(Type.Number()),
    binds: Type.Array(BindSchema),
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
  },
  { ...strict, minProperties: 1, description: 'Absent keys stay as they are.' },
)
