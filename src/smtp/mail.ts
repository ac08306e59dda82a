/**
 * From a stored message to the text of an email (RFC 5322), composed and signed by nodemailer. Everything that goes into a
 * header is data: nodemailer encodes it and lets no line end through. Dispatcher thread, once per attempt.
 */
import DKIM from 'nodemailer/lib/dkim'
import MailComposer from 'nodemailer/lib/mail-composer'
import { emailAddress, mailboxOf } from '../engine/base/email-address.js'
import type { SmtpCarrierConfig } from '../engine/config/smtp-carrier.js'
import { messageId } from '../engine/contract/ids.js'
import type { MessageRef, OutgoingMessage } from '../engine/contract/message.js'
import { type MailBody, unpackMail } from '../engine/text/mail-body.js'

/** What is kept of a message while it is under way: the message itself is the dispatcher's and used again. */
export interface Mail extends MailBody {
  ref: MessageRef
  to: string
  from: string
}

export interface ComposedMail {
  envelope: { from: string; to: string[]; size: number }
  bytes: Buffer
}

/** Headers that a signature covers beside nodemailer's own: RFC 8058 §4 wants both of the one click. */
const SIGNED = [
  ...['from', 'sender', 'reply-to', 'subject', 'date', 'message-id', 'to', 'cc', 'mime-version', 'content-type'],
  ...['content-transfer-encoding', 'list-unsubscribe', 'list-unsubscribe-post'],
].join(':')

/** Copies what is needed: the block's bytes may go with the tick. */
export function mailOf(message: OutgoingMessage, carrier: Pick<SmtpCarrierConfig, 'from'>): Mail {
  const { ref, bytes, toStart, toLength, partStarts, partLengths } = message
  const start = partStarts[0]!
  return {
    ref,
    to: bytes.latin1Slice(toStart, toStart + toLength),
    from: message.from === '' ? carrier.from : message.from,
    ...unpackMail(bytes, start, start + partLengths[0]!),
  }
}

export class MailWriter {
  readonly #carrier: SmtpCarrierConfig
  readonly #dkim: DKIM | null

  constructor(carrier: SmtpCarrierConfig) {
    const { dkim } = carrier
    this.#carrier = carrier
    this.#dkim =
      dkim === undefined
        ? null
        : new DKIM({
            domainName: dkim.domain,
            keySelector: dkim.selector,
            privateKey: dkim.key,
            headerFieldNames: SIGNED,
          })
  }

  /** `nowMs`: epoch, for its Date. The Message-ID is the message's own in every attempt, so that a second copy is known as one. */
  async compose(mail: Mail, nowMs: number): Promise<ComposedMail> {
    const from = mailboxOf(mail.from) ?? mailboxOf(this.#carrier.from)!
    const { address } = from
    const domain = address.slice(address.lastIndexOf('@') + 1)
    const composer = new MailComposer({
      from: from.name === '' ? address : from,
      to: { name: '', address: mail.to },
      subject: mail.subject,
      text: mail.text === '' && mail.html !== '' ? undefined : mail.text,
      html: mail.html === '' ? undefined : mail.html,
      messageId: `<${messageId(mail.ref)}@${domain}>`,
      date: new Date(nowMs),
      headers: headersOf(mail),
      disableFileAccess: true,
      disableUrlAccess: true,
      newline: 'win',
    })
    const plain = await built(composer)
    const bytes = this.#dkim === null ? plain : await collected(this.#dkim.sign(plain))
    const { returnPath } = this.#carrier
    const sender = (returnPath === undefined ? null : emailAddress(returnPath)) ?? address
    return { envelope: { from: sender, to: [mail.to], size: bytes.length }, bytes }
  }
}

function headersOf({ unsubscribeUrl }: Mail): Record<string, string> {
  if (unsubscribeUrl === '') return {}
  const link = { 'List-Unsubscribe': `<${unsubscribeUrl}>` }
  // One click is for https alone (RFC 8058 §3.1).
  return unsubscribeUrl.startsWith('https:') ? { ...link, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' } : link
}

async function built(composer: MailComposer): Promise<Buffer> {
  return await composer.compile().build()
}

async function collected(stream: AsyncIterable<Buffer | string>): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}
