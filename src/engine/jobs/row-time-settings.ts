/** What is wrong with the settings about the times that rows bring. Main thread, once a job. */
import { DateFormat } from '../base/date-format.js'
import { timeOfDay } from '../base/time-of-day.js'
import type { FieldError } from '../contract/errors.js'
import type { ColumnSettings } from '../contract/job.js'

export function* rowTimeErrors(columns: ColumnSettings): Iterable<FieldError> {
  const { sendAt, sendAtTime, sendAtFormat, sendAtTimeOfDay } = columns
  if (sendAtTime !== undefined && sendAt === undefined) {
    yield { pointer: '/columns/sendAtTime', message: 'needs the column of the dates as columns.sendAt' }
  }
  if (sendAtTimeOfDay !== undefined && Number.isNaN(timeOfDay(sendAtTimeOfDay))) {
    yield { pointer: '/columns/sendAtTimeOfDay', message: 'must be a time of day such as 09:00' }
  }
  if (sendAtFormat === undefined) return
  const format = DateFormat.compile(sendAtFormat)
  if (typeof format === 'string') yield { pointer: '/columns/sendAtFormat', message: format }
  else if (!format.hasTime && sendAtTime === undefined && sendAtTimeOfDay === undefined) {
    const message = 'does not name the hour; name it, or give columns.sendAtTime or columns.sendAtTimeOfDay'
    yield { pointer: '/columns/sendAtFormat', message }
  }
}
