/** Texts that belong to a single message and that its block has no room for: kept beside it, only where they were given. */
import type { MessageRef } from './message.js'

export interface MessageExtras {
  /** The customer's own name for the message; not unique. */
  clientReference?: string
  /** Where reports of this one message go (Kannel's dlr-url). */
  callback?: { url: string; mask: number }
}

/** Extras on their way into the store, in the transaction of their message. */
export interface NewExtras extends MessageExtras {
  ref: MessageRef
  /** Number of the account. */
  account: number
}
