/** Sending hours, as a job's `window` and an account's `sendingHours`. */
import { Type } from 'typebox'
import { type SendingWindow, WEEKDAYS } from '../../engine/contract/sending-hours.js'
import { nullable, oneOf, strict, text } from './common.js'

const TimeOfDay = Type.String({ pattern: '^(?:[01]?\\d|2[0-3]):[0-5]\\d$|^24:00$', description: 'HH:MM.' })

const window = {
  days: Type.Optional(
    Type.Array(
      Type.Unsafe<(typeof WEEKDAYS)[number] | number>({
        type: ['string', 'integer'],
        enum: [...WEEKDAYS, 0, 1, 2, 3, 4, 5, 6, 7],
        description: `${WEEKDAYS.join(', ')}; or 1 (Monday) to 7.`,
      }),
      { minItems: 1, maxItems: 16, description: 'Absent: every day. A span over midnight belongs to its first day.' },
    ),
  ),
  from: TimeOfDay,
  to: TimeOfDay,
  timeZone: Type.Optional(
    text(
      "IANA zone; `recipient`: each recipient's own; `account`: the account's; absent: the job's, else the account's.",
      64,
    ),
  ),
}

export const WindowSchema = Type.Object(window, {
  ...strict,
  description: 'Nothing leaves outside: from, inclusive, to to, exclusive; to before from ends on the next day.',
})
export const WindowOrNull = Type.Unsafe<SendingWindow | null>({ ...WindowSchema, type: ['object', 'null'] })

export const SendingHoursSchema = Type.Unsafe<object | null>({
  ...Type.Object({
    days: Type.Array(Type.String()),
    from: Type.String(),
    to: Type.String(),
    timeZone: Type.String({ description: 'IANA zone, or `recipient`.' }),
    zones: Type.Optional(Type.Array(Type.String(), { description: 'In which the recipient asked about may be.' })),
    source: oneOf(['job', 'account'], 'Whose setting it is.'),
    open: Type.Boolean({ description: 'At this moment.' }),
    changesAt: nullable(Type.String({ description: 'When it opens or closes next; null: never.' })),
  }),
  type: ['object', 'null'],
  description: 'null: at any time.',
})
