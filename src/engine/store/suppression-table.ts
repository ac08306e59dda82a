/**
 * Suppressions in the queue's environment: [account, number] → why the account must not message it, each reason with its
 * scope. Account 0 is everyone. Every thread reads; only the main thread writes (engine/opt-out/suppression-book.ts).
 */
import { decode, encode } from '@msgpack/msgpack'
import type { NumberFilter } from '../base/number-filter.js'
import { EVERY_ACCOUNT } from '../base/number-filter.js'
import type { SuppressionSource } from '../contract/suppressions.js'
import type { Environment } from './environment.js'

/** As stored. Keys without a value are left out. */
export interface SuppressionReason {
  /** Bare, see bareSender; absent: everything of the account. */
  sender?: string
  source: SuppressionSource
  atMs: number
  /** The word of the subscriber, and where it was sent to. */
  text?: string
  address?: string
  /** Number in the list of inbound messages. */
  inbound?: number
  note?: string
}

/** Senders are the same with and without plus sign and spaces around them, whatever their case: a phone shows them so. */
export function bareSender(sender: string): string {
  const shown = sender.trim()
  const bare = shown.startsWith('+') ? shown.slice(1) : shown
  return bare.toLowerCase()
}

export function sealReasons(reasons: SuppressionReason[]): Buffer {
  return Buffer.from(encode(reasons, { ignoreUndefined: true }))
}

export function openReasons(bytes: Buffer): SuppressionReason[] {
  return decode(bytes) as SuppressionReason[]
}

/** What says nothing of its sender may well be from the one that was refused. */
export function binds(reasons: readonly SuppressionReason[], from: string): boolean {
  if (reasons.length === 0) return false
  if (from === '') return true
  const bare = bareSender(from)
  return reasons.some(({ sender }) => sender === undefined || sender === bare)
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
    return this.filter.mayHave(account, number) && this.#isStored(account, number, from)
  }

  #isStored(account: number, number: number, from: string): boolean {
    // A snapshot that this thread still holds may be older than the answer to who opted out.
    this.#environment.root.resetReadTxn()
    return this.#binds(account, number, from) || this.#binds(EVERY_ACCOUNT, number, from)
  }

  #binds(account: number, number: number, from: string): boolean {
    const bytes = this.#environment.suppressions.getBinary([account, number])
    return bytes !== undefined && binds(openReasons(bytes), from)
  }
}
