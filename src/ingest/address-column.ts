/** Which column of a file holds email addresses: by its label, else by what stands in it. Once per file. */
import { emailAddress } from '../engine/base/email-address.js'
import { EngineError } from '../engine/contract/errors.js'
import { normaliseLabel } from '../engine/text/label.js'
import type { Head } from './columns.js'

/** Without case, accents and punctuation, best first. */
const LABELS = `
  email emailaddress mail mailaddress emailadresse mailadresse courriel adressemail adresseemail correo correoelectronico
  epost eposta posta poczta адресэлектроннойпочты почта 邮箱 電子郵件 メール メールアドレス 이메일 to recipient`
  .trim()
  .split(/\s+/)
/** Share of the sampled cells that must be addresses. */
const CONTENT_SHARE = 0.5

/** @throws EngineError RECIPIENT_COLUMN_MISSING. */
export function addressColumn({ header, sample }: Head, labels: readonly string[]): number {
  const bare = labels.map((label) => normaliseLabel(label).replace(/[^\p{L}\p{N}]/gu, ''))
  const named = header === null ? undefined : LABELS.find((label) => bare.includes(label))
  if (named !== undefined) return bare.indexOf(named)
  const shares = labels.map((_, column) => sample.filter((cells) => emailAddress(cells[column] ?? '') !== null).length)
  const most = Math.max(0, ...shares)
  if (most > 0 && most >= CONTENT_SHARE * sample.length) return shares.indexOf(most)
  const there = labels.map((label) => `"${label}"`).join(', ')
  const message = `No column is known to hold email addresses; name it with columns.email. The file has ${there}.`
  throw new EngineError('RECIPIENT_COLUMN_MISSING', message)
}
