/** Which of a record's recipients is written to: its numbers, its email address, or the one before the other. Once a job. */
import type { JobPlan } from '../engine/contract/ingest.js'
import { CHANNELS, type ChannelName } from '../engine/contract/message.js'

/** addresses, numbers: these alone. numbersFirst, addressesFirst: the others where the first cannot be had. */
export type RecipientOrder = 'numbers' | 'addresses' | 'numbersFirst' | 'addressesFirst'

export function recipientOrder({ settings, columns }: Pick<JobPlan, 'settings' | 'columns'>): RecipientOrder {
  const { channel = 'auto', prefer = ['sms', 'voice', 'email'] } = settings
  if (channel === 'email') return 'addresses'
  const email = prefer.indexOf('email')
  if (channel !== 'auto' || (columns.email ?? -1) < 0 || email < 0) return 'numbers'
  const number = prefer.findIndex((each) => each !== 'email')
  if (number < 0 || columns.phones.length === 0) return 'addresses'
  return number < email ? 'numbersFirst' : 'addressesFirst'
}

/** Ways that `prefer` leaves out, where it is asked; what the job says of landlines goes before it. */
export function leftOut({ settings, columns }: Pick<JobPlan, 'settings' | 'columns'>): readonly ChannelName[] {
  const { channel = 'auto', landlines, prefer } = settings
  if (channel !== 'auto' || prefer === undefined || (columns.email ?? -1) < 0) return []
  return CHANNELS.filter((name) => !prefer.includes(name) && name !== landlines)
}
