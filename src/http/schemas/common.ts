/** Pieces that several schemas share: paging, ids, nullable values, and the error answers of every route. */
import { type Static, type TSchema, Type } from 'typebox'

/** Unknown keys are errors. */
export const strict = { additionalProperties: false } as const

/** JSON Schema 2020-12 spelling, which the serializer handles without trying branches. */
export function nullable<T extends TSchema>(schema: T) {
  const { type, enum: values } = schema as unknown as { type?: string | string[]; enum?: unknown[] }
  if (type === undefined) return Type.Unsafe<Static<T> | null>({ anyOf: [schema, { type: 'null' }] })
  // A list of values is a second condition beside the type: without null in it no null fits.
  const listed = values === undefined ? {} : { enum: [...values, null] }
  return Type.Unsafe<Static<T> | null>({ ...schema, ...listed, type: [type, 'null'].flat() })
}

export function oneOf<const T extends readonly string[]>(values: T, description: string) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...values], description })
}

export function text(description: string, maxLength = 128, minLength = 1) {
  return Type.String({ minLength, maxLength, description })
}

export const Timestamp = Type.String({ description: 'RFC 3339, UTC.' })
export const IdParams = Type.Object({ id: Type.String({ description: 'Id as the API answered it.' }) })

export const pageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'Items per page; default 50.' })),
  cursor: Type.Optional(Type.String({ maxLength: 256, description: 'nextCursor of the page before.' })),
}
/** Lists by time: a cursor is the id of the last item, and another text is no end of the list. */
export function cursorOf(prefix: 'job' | 'msg' | 'inb' | 'drop') {
  return Type.Optional(
    Type.String({ pattern: `^${prefix}_[0-9a-hjkmnp-tv-z]{8,11}$`, description: 'nextCursor of the page before.' }),
  )
}
export const PageQuerySchema = Type.Object(pageQuery, strict)

/** What the engine is asked for. */
export function pageOf<T extends { limit?: number }>(query: T): T & { limit: number } {
  return { ...query, limit: query.limit ?? 50 }
}

export function pageAnswer<T extends TSchema>(items: T, description: string) {
  return Type.Object({ items: Type.Array(items), nextCursor: nullable(Type.String()) }, { description })
}

export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'URN of the kind of problem.' }),
    title: Type.String({ description: 'What to do about it; the same for every problem of this code.' }),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable code, for programs.' }),
    detail: Type.String({ description: 'What happened this time.' }),
    errors: Type.Optional(
      Type.Array(Type.Object({ pointer: Type.String(), message: Type.String() }), {
        description: 'Wrong fields of the body by JSON pointer.',
      }),
    ),
    requestId: Type.Optional(Type.String({ description: 'Names the line in the log.' })),
    missing: Type.Optional(Type.Number({ description: 'INSUFFICIENT_BALANCE: what the balance lacks.' })),
    balance: Type.Optional(Type.Number({ description: 'INSUFFICIENT_BALANCE: what is there.' })),
    price: Type.Optional(Type.Number({ description: 'INSUFFICIENT_BALANCE: what it would cost.' })),
    currency: Type.Optional(nullable(Type.String({ description: 'Of these amounts.' }))),
  },
  { description: 'Problem details, RFC 9457.' },
)

function problem(description: string): object {
  return { description, content: { 'application/problem+json': { schema: ProblemSchema } } }
}
const refused = problem('Refused: `code` says why, `errors` where.')
const broken = problem('Not possible at the moment, or an error of ours.')

/** Success answers by status, with the errors that every route has. Types of answers are the engine's own views. */
export function answers(success: Record<number, unknown>): Record<string, unknown> {
  return { ...success, '4xx': refused, '5xx': broken }
}

export const NoContent = Type.Null({ description: 'Done.' })

export function csvAnswer(description: string): object {
  return { description, content: { 'text/csv': { schema: { type: 'string' } } } }
}

export function linesAnswer(description: string): object {
  return { description, content: { 'application/x-ndjson': { schema: { type: 'string' } } } }
}

export const idempotencyHeader = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ description: 'Kept 72 h: the same request is answered again with Idempotent-Replay: true.' }),
  ),
})
export const bearer = [{ bearer: [] }]
export const open: { bearer: string[] }[] = []
