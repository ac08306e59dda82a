/** Who is written to when a dropped file is done or failed, as given and as stored. Main thread. */
import { emailAddress } from '../base/email-address.js'
import { DROP_NOTICES, type DropNotices, type DropNoticesSetting } from '../contract/drops.js'
import type { FieldError } from '../contract/errors.js'

const ADDRESSES_MAX = 20

/** null: nobody. */
export function readDropNotices(
  before: DropNotices | null,
  given: DropNoticesSetting | null | undefined,
  fields: FieldError[],
): DropNotices | null {
  if (given === undefined) return before
  if (given === null || given.email.length === 0) return null
  if (given.email.length > ADDRESSES_MAX) {
    fields.push({ pointer: '/dropNotices/email', message: `must have at most ${ADDRESSES_MAX} addresses` })
  }
  const email = given.email.map((written, index) => {
    const address = emailAddress(written)
    if (address === null) fields.push({ pointer: `/dropNotices/email/${index}`, message: 'is no email address' })
    return address ?? written
  })
  return { email: [...new Set(email)], on: DROP_NOTICES.filter((kind) => given.on?.includes(kind) ?? true) }
}
