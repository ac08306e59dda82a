/** The sending hours that hold for a job: its own, else its account's. Main thread. */
import type { HoursRule, SendingHoursView, SendingWindow } from '../contract/sending-hours.js'
import { recipientHours } from '../schedule/recipient-hours.js'
import { SendingHours } from '../schedule/sending-hours.js'
import { hoursRule } from '../schedule/window-setting.js'
import type { JobRecord } from './job-record.js'

/** What an account says of hours. */
export interface HoursAccount {
  timeZone: string
  sendingHours: SendingWindow | null
}

/** A number, as it is parsed. */
interface Placed {
  digits: string
  isShortCode: boolean
}

const KEPT = 1_000
const kept = new Map<string, SendingHours>()

/** null: at any time. */
export function hoursOf(
  { settings, timeZone }: Pick<JobRecord, 'settings' | 'timeZone'>,
  account: HoursAccount | null,
): HoursRule | null {
  if (settings.window != null)
    return hoursRule(settings.window, {
      job: timeZone ?? account?.timeZone ?? 'UTC',
      account: account?.timeZone ?? 'UTC',
    })
  return account?.sendingHours == null
    ? null
    : hoursRule(account.sendingHours, { job: account.timeZone, account: account.timeZone })
}

export function hoursSource({ settings }: Pick<JobRecord, 'settings'>): SendingHoursView['source'] {
  return settings.window == null ? 'account' : 'job'
}

/**
 * False: it is outside the hours. Jobs share what was reckoned for a rule, so that lists cost no time zones. `to`: the
 * recipient, null where it has no place; absent: of a whole job, whose messages are asked each for itself where the hours
 * are those of recipients.
 */
export function isWithin(rule: HoursRule | null, nowMs: number, to?: Placed | null): boolean {
  if (rule === null) return true
  const zoned = recipientHours(rule)
  if (zoned !== null) {
    if (to === undefined) return true
    const whose = { digits: to?.digits ?? '', isNumber: to !== null && !to.isShortCode, zone: '' }
    return zoned.at(zoned.zonesOf(whose), nowMs).isOpen
  }
  const key = `${rule.days} ${rule.fromMinute} ${rule.toMinute} ${rule.timeZone}`
  let hours = kept.get(key)
  if (hours === undefined) {
    if (kept.size >= KEPT) kept.clear()
    hours = new SendingHours(rule)
    kept.set(key, hours)
  }
  return hours.at(nowMs).isOpen
}
