/**
 * What an email says, as the one part of its record.
 *
 * Layout (little endian): 0 u16 octets of the subject · 2 u16 octets of the text · 4 u16 octets of the unsubscribe link ·
 * 6 subject · text · link · the rest: HTML. All UTF-8; each may be empty.
 */
import { limits } from '../contract/limits.js'

const HEAD_BYTES = 6

export interface MailBody {
  /** One line. */
  subject: string
  text: string
  /** '' = plain text only. */
  html: string
  /** Where one click unsubscribes (RFC 8058); '' = no link. */
  unsubscribeUrl: string
}

/** null: more than limits.mailBytes. */
export function packMail({ subject, text, html, unsubscribeUrl }: MailBody): Buffer | null {
  const lengths = [subject, text, unsubscribeUrl].map((piece) => Buffer.byteLength(piece))
  const size = HEAD_BYTES + lengths[0]! + lengths[1]! + lengths[2]! + Buffer.byteLength(html)
  if (size > limits.mailBytes) return null
  const bytes = Buffer.allocUnsafe(size)
  lengths.forEach((length, n) => {
    bytes.writeUInt16LE(length, n * 2)
  })
  let at = HEAD_BYTES
  for (const piece of [subject, text, unsubscribeUrl, html]) at += bytes.write(piece, at, 'utf8')
  return bytes
}

/** Of a record that is whole. */
export function unpackMail(bytes: Buffer, start: number, end: number): MailBody {
  const textAt = start + HEAD_BYTES + bytes.readUInt16LE(start)
  const linkAt = textAt + bytes.readUInt16LE(start + 2)
  const htmlAt = linkAt + bytes.readUInt16LE(start + 4)
  return {
    subject: bytes.toString('utf8', start + HEAD_BYTES, textAt),
    text: bytes.toString('utf8', textAt, linkAt),
    unsubscribeUrl: bytes.toString('utf8', linkAt, htmlAt),
    html: bytes.toString('utf8', htmlAt, end),
  }
}
