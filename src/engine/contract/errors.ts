/**
 * Operating errors: code → HTTP status and help. An EngineError says what went wrong and what to do; expected results
 * (a rejected row, a refused submit) are values from reasons.ts and are never thrown.
 */
export const ERRORS = {
  BAD_REQUEST: [400, 'The request is malformed; the detail names the field.'],
  VALIDATION: [422, 'The request does not fit; `errors` points at each field.'],
  UNAUTHORIZED: [401, 'Send a valid key as `Authorization: Bearer KEY`.'],
  FORBIDDEN: [403, 'This key may not do that.'],
  FEATURE_OFF: [403, 'The feature is switched off for this account; an admin can switch it on.'],
  NOT_FOUND: [404, 'There is no such thing for this key.'],
  ACCOUNT_EXISTS: [409, 'An account of this id exists already.'],
  WRONG_STATE: [409, 'What it is about is in a state that does not allow this; the detail names it.'],
  UPLOAD_RUNNING: [409, 'An upload for this job is under way; wait for it or cancel the job.'],
  IDEMPOTENCY_RUNNING: [409, 'The first request with this Idempotency-Key is still running; ask again.'],
  IDEMPOTENCY_MISMATCH: [422, 'This Idempotency-Key was used with another body; use a new key.'],
  TOO_LARGE: [413, 'The body is larger than allowed here.'],
  UNSUPPORTED_MEDIA: [415, 'Send the content type that the route documents.'],
  INVALID_NUMBER: [422, 'The number is not valid; write it with + and country code.'],
  TEMPLATE_INVALID: [422, 'The template cannot be read; the detail says where.'],
  TEMPLATE_LABEL_UNKNOWN: [
    422,
    'The text uses a label that no column has; add a column or a fallback: ~label|fallback~.',
  ],
  COLUMN_UNKNOWN: [422, 'A column named in the settings is not in the file; the detail lists what is there.'],
  RECIPIENT_COLUMN_MISSING: [422, 'No column holds phone numbers; name it with columns.to.'],
  FILE_NOT_CSV: [422, 'The file is not CSV text; the detail says what it looks like and what to export.'],
  FILE_EMPTY: [422, 'The file has no rows.'],
  NO_ROUTE: [422, 'No carrier is configured for this number and channel; add a route.'],
  RATE_LIMITED: [429, 'Too many requests for this key; wait as long as Retry-After says.'],
  STORE_FULL: [503, 'The disk is nearly full; free space, then send it again.'],
  SHUTTING_DOWN: [503, 'The engine is stopping; send it again in a moment.'],
  CONFIG_INVALID: [500, 'The configuration is wrong; the message names the key and the line.'],
  BIND_REFUSED: [502, 'The carrier refused the bind; the message has its status.'],
  STORE_CORRUPT: [500, 'A stored record does not match its checksum; restore a backup or run verify.'],
  STORE_FAILED: [500, 'The store could not be written; the engine stops rather than go on wrong.'],
  INTERNAL: [500, 'An error of ours; the log has it under the request id.'],
  METHOD_NOT_ALLOWED: [405, 'The route knows other methods; the Allow header lists them.'],
  INSUFFICIENT_BALANCE: [402, 'The prepaid balance does not cover this; nothing was taken. Top up and send it again.'],
  QUOTA_EXCEEDED: [429, 'A quota of the account is used up; wait as long as Retry-After says, or have it raised.'],
  NAME_TAKEN: [409, 'Something of this name exists already; choose another name.'],
  ACCOUNT_SUSPENDED: [403, 'The account is suspended: nothing is sent for it until an admin lifts that.'],
  SENDER_NOT_ALLOWED: [422, 'The sender is not on the list of senders of the account; an admin can add it.'],
  AUDIENCE_EMPTY: [422, 'The audience selects no contact; count it with POST /v1/audience/count.'],
  INBOUND_TAKEN: [409, 'Another account owns the number or keyword; the detail names it.'],
  SPEECH_UNAVAILABLE: [
    503,
    'There is no program that speaks texts: install espeak-ng or set speech.command, or play recordings.',
  ],
  SPEECH_FAILED: [502, 'The program that speaks texts failed; the detail says how.'],
  RECORDING_INVALID: [422, 'The file is no recording that can be played; the detail says what to change.'],
  OVERLOADED: [503, 'The engine has as much work as it can take; send it again as Retry-After says.'],
  ERASED: [410, 'It was erased, on request or because its time was over; counts, prices and states are kept.'],
} as const satisfies Record<string, readonly [number, string]>
export type ErrorCode = keyof typeof ERRORS

export interface FieldError {
  /** JSON pointer into the body, e.g. /columns/to. */
  pointer: string
  message: string
}

export interface ErrorOptions {
  cause?: unknown
  fields?: FieldError[]
  /** Further members of the problem that is answered (RFC 9457 §3.2), such as what is missing of a balance. */
  members?: Record<string, unknown>
  /** After which it may go well; 0: nobody knows. */
  retryAfterSeconds?: number
}

export class EngineError extends Error {
  readonly code: ErrorCode
  readonly fields: FieldError[]
  readonly members: Record<string, unknown>
  readonly retryAfterSeconds: number
  constructor(code: ErrorCode, detail: string, options: ErrorOptions = {}) {
    super(detail, { cause: options.cause })
    this.name = 'EngineError'
    this.code = code
    this.fields = options.fields ?? []
    this.members = options.members ?? {}
    this.retryAfterSeconds = options.retryAfterSeconds ?? 0
  }
  get status(): number {
    return ERRORS[this.code][0]
  }
}
