/**
 * A conversation: which message was the last that went from this sender to this recipient, and how long its account may
 * expect the reply. One fixed form in memory, in the log and in segments.
 *
 * Five 64-bit words, little endian: f64 sender · f64 recipient (both base/loose-number.ts) · f64 ref · f64 sent (epoch ms)
 * · u32 account, u32 seconds of the lock.
 */
import { looseFit, looseTail } from '../base/loose-number.js'
import type { EntryShape } from './sorted-chunks.js'

export const TALK_WORDS = 5
export const TALK_BYTES = TALK_WORDS * 8

/** One object is filled anew for each use. */
export interface Talk {
  sender: number
  recipient: number
  ref: number
  sentMs: number
  account: number
  lockSeconds: number
}

/** Whether conversations of this recipient with this account are to be forgotten. */
export type Forgotten = (recipient: number, account: number) => boolean

export function blankTalk(): Talk {
  return { sender: 0, recipient: 0, ref: 0, sentMs: 0, account: 0, lockSeconds: 0 }
}

/** Until then a reply is the account's, epoch ms. */
export function lockedUntil({ sentMs, lockSeconds }: Talk): number {
  return sentMs + lockSeconds * 1000
}

/** An unsigned 32-bit key that all ways of writing the two numbers have in common. */
export function talkKey(sender: number, recipient: number): number {
  let key = Math.imul(looseTail(recipient) ^ 0x2545f491, 0x85ebca6b)
  key ^= key >>> 15
  key = Math.imul(key ^ looseTail(sender), 0xc2b2ae35)
  return (key ^ (key >>> 13)) >>> 0
}

/** Chunks of talks are in order of `talkKey`. */
export const TALK_SHAPE: EntryShape = {
  bytes: TALK_BYTES,
  key: (chunk, at) => talkKey(chunk.readDoubleLE(at), chunk.readDoubleLE(at + 8)),
}

export function readTalk(bytes: Buffer, at: number, talk: Talk): void {
  talk.sender = bytes.readDoubleLE(at)
  talk.recipient = bytes.readDoubleLE(at + 8)
  talk.ref = bytes.readDoubleLE(at + 16)
  talk.sentMs = bytes.readDoubleLE(at + 24)
  talk.account = bytes.readUInt32LE(at + 32)
  talk.lockSeconds = bytes.readUInt32LE(at + 36)
}

/** What is looked for, and the best found so far: by how the numbers fit, then the later one. */
export class TalkLook {
  sender = 0
  recipient = 0
  key = 0
  /** 0: nothing was found. */
  rank = 0
  readonly found = blankTalk()

  /** The addresses of a subscriber's message. */
  begin(sender: number, recipient: number): void {
    this.sender = sender
    this.recipient = recipient
    this.key = talkKey(sender, recipient)
    this.rank = 0
  }

  /** 0: not the same two; else the higher the better. */
  rankOf(sender: number, recipient: number): number {
    const from = looseFit(sender, this.sender)
    const to = from === 0 ? 0 : looseFit(recipient, this.recipient)
    return to === 0 ? 0 : from + 3 * to
  }

  /** Takes over what fits better, or as well and later. */
  offer(talk: Talk): void {
    const rank = this.rankOf(talk.sender, talk.recipient)
    const isBetter = rank > this.rank || (rank === this.rank && talk.sentMs >= this.found.sentMs)
    if (rank === 0 || !isBetter) return
    this.rank = rank
    Object.assign(this.found, talk)
  }
}
