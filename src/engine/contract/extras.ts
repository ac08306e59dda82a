/** Texts that belong to a single message and that its block has no room for: kept beside it, only where they were given. */
import type { MessageRef } from './message.js'

/** Gateways whose senders are told of each message in their own way. */
export const CALLBACK_FORMATS = ['kannel', 'jasmin'] as const
export type CallbackFormat = (typeof CALLBACK_FORMATS)[number]

/** What of a message is told. Sums of these: Kannel's dlr-mask. */
export const CALLBACK_MASK = { delivered: 1, undelivered: 2, buffered: 4, accepted: 8, refused: 16 } as const

/** Where reports of one message go, and how: Kannel's dlr-url, Jasmin's dlr-url with level and method. */
export interface MessageCallback {
  format: CallbackFormat
  /** Kannel: with its escapes. */
  url: string
  mask: number
  method: 'GET' | 'POST'
}

export interface MessageExtras {
  /** The customer's own name for the message; not unique. */
  clientReference?: string
  callback?: MessageCallback
}

/** Extras on their way into the store, in the transaction of their message. */
export interface NewExtras extends MessageExtras {
  ref: MessageRef
  /** Number of the account. */
  account: number
}
