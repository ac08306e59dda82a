/**
 * Emails of the engine itself to people of an account, such as that a dropped file is done: by an email route, whether or not
 * the account may send emails of its own, and free of charge.
 */

export interface Notice {
  /** Id of the account. */
  account: string
  /** Email addresses; what is none is left out and logged. */
  to: string[]
  subject: string
  text: string
  /** What it is about, unique in the account: with a key that was used before nothing is sent. At most 200 characters. */
  key: string
}

/** sent: durable, and on its way. known: its key was used before. noRoute: no relay takes email. noRecipient: no address is one. */
export type NoticeResult = 'sent' | 'known' | 'noRoute' | 'noRecipient'

export interface NoticesApi {
  /**
   * Resolves when the messages and the key are durable, in one transaction: after a kill the same call sends what was not sent.
   * Keys are kept for 30 days. @throws EngineError NOT_FOUND: no such account. STORE_FAILED, SHUTTING_DOWN, STORE_FULL.
   */
  send(notice: Notice): Promise<NoticeResult>
}
