/**
 * Suppressions in the queue's environment: [account, number] → why the account must not message it, each reason with its
 * scope. An email address stands under its key (base/address-key.ts), and each of its reasons says which address it is of:
 * another one may have the same key. Account 0 is everyone. Every thread reads; only the main thread writes (engine/opt-out/suppression-book.ts).
 */
import { decode, encode } from '@msgpack/msgpack'
import { mailboxOf } from '../base/email-address.js'
import type { NumberFilter } from '../base/number-filter.js'
import { EVERY_ACCOUNT } from '../base/number-filter.js'
import { EngineError } from '../contract/errors.js'
import type { SuppressionSource } from '../contract/suppressions.js'
import { bodyOf, checkedBytes } from './checked-bytes.js'
import type { Environment } from './environment.js'

/** As stored. Keys without a value are left out. */
export interface SuppressionReason {
  /** Bare, see bareSender; absent: everything of the account. */
  sender?: string
  /** Email address in lower case; absent: it is about a phone number. */
  mail?: string
  source: SuppressionSource
  atMs: number
  /** The word of the subscriber, and where it was sent to. */
  text?: string
  address?: string
  /** Number in the list of inbound messages. */
  inbound?: number
  note?: string
}

/** Senders are the same with and without plus sign and spaces around them, whatever their case: a phone shows them so. Of emails the address counts. */
export function bareSender(sender: string): string {
  const mailbox = sender.includes('@') ? mailboxOf(sender) : null
  if (mailbox !== null) return mailbox.address
  const shown = sender.trim()
  const bare = shown.startsWith('+') ? shown.slice(1) : shown
  return bare.toLowerCase()
}

export function sealReasons(reasons: SuppressionReason[]): Buffer {
  return checkedBytes(encode(reasons, { ignoreUndefined: true }))
}

/** @throws EngineError STORE_CORRUPT. */
export function openReasons(bytes: Buffer): SuppressionReason[] {
  return decode(bodyOf(bytes, 'a suppression')) as SuppressionReason[]
}

/** Those of this address alone; null: of a number, all. */
export function reasonsOf(reasons: readonly SuppressionReason[], mail: string | null): readonly SuppressionReason[] {
  return mail === null ? reasons : reasons.filter((reason) => reason.mail === mail)
}

/** What says nothing of its sender may well be from the one that was refused. `mail`: address of an email, in lower case. */
export function binds(all: readonly SuppressionReason[], from: string, mail: string | null = null): boolean {
  const reasons = reasonsOf(all, mail)
  if (reasons.length === 0) return false
  if (from === '') return true
  const bare = bareSender(from)
  return reasons.some(({ sender }) => sender === undefined || sender === bare)
}

interface Asked {
  from: string
  mail: string | null
}

/** Of another thread than the main one: the shared filter first, then the table as it is on disk now. */
export class SuppressionCheck {
  readonly #environment: Environment
  readonly filter: NumberFilter

  constructor(environment: Environment, filter: NumberFilter) {
    this.#environment = environment
    this.filter = filter
  }

  /** `from`: sender of the message, '' where the carrier chooses it. Costs two looks into shared memory for most numbers. */
  has(account: number, number: number, from: string): boolean {
    return this.filter.mayHave(account, number) && this.#isStored(account, number, { from, mail: null })
  }

  /** `address`: in lower case, under its key. */
  hasAddress(account: number, key: number, { from, address }: { from: string; address: string }): boolean {
    return this.filter.mayHave(account, key) && this.#isStored(account, key, { from, mail: address })
  }

  #isStored(account: number, number: number, asked: Asked): boolean {
    // A snapshot that this thread still holds may be older than the answer to who opted out.
    this.#environment.root.resetReadTxn()
    return this.#binds(account, number, asked) || this.#binds(EVERY_ACCOUNT, number, asked)
  }

  #binds(account: number, number: number, { from, mail }: Asked): boolean {
    const bytes = this.#environment.suppressions.getBinary([account, number])
    return bytes !== undefined && mayBind(bytes, from, mail)
  }
}

/** Who is named by a damaged record opted out in some way: nothing is sent there. */
function mayBind(bytes: Buffer, from: string, mail: string | null): boolean {
  try {
    return binds(openReasons(bytes), from, mail)
  } catch (error) {
    if (error instanceof EngineError) return true
    throw error
  }
}
