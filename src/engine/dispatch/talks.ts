/**
 * Conversations as the dispatcher keeps them: a message is entered when a carrier has taken it, or may have, and a
 * subscriber's message finds the one that it answers. What is in flight needs no entry: it is looked up among the few
 * messages whose answer is awaited, so that a refused message never stands for its account.
 */
import { looseNumber, looseSender, looseTail } from '../base/loose-number.js'
import { type MessageRef, messageRef } from '../contract/message.js'
import type { Inbound } from '../contract/outcome.js'
import type { BlockReader } from '../store/block.js'
import type { BlockState } from '../store/block-state.js'
import type { TalkedTo } from '../store/inbound-record.js'
import { blankTalk, lockedUntil, TalkLook } from '../store/talk.js'
import type { Carrier } from './carriers.js'
import type { Ledger } from './ledger.js'

export class Talks {
  readonly #ledger: Ledger
  readonly #talk = blankTalk()
  readonly #look = new TalkLook()
  /** The sender of the block that was entered last, since blocks come in runs. */
  #body: BlockReader | null = null
  #fixed: string | null = null
  #sender = 0

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** The message has left, or may have. `fixedSender`: what its carrier writes in place of its sender; null: nothing. */
  enter(state: BlockState, place: number, sent: { fixedSender: string | null; atMs: number }): void {
    const body = this.#ledger.residents.body(state.block)
    if (body === null || body.lockSeconds === 0) return
    if (body !== this.#body || sent.fixedSender !== this.#fixed) this.#sender = this.#senderOf(body, sent.fixedSender)
    if (this.#sender === 0) return
    this.#fill(body, messageRef(state.block, place), sent.atMs)
    this.#talk.recipient = body.number(place)
    this.#ledger.talks.enter(this.#talk)
  }

  /** After a start: what was on its way and unanswered. A message that is known to have left later stays the last one. */
  enterUnknown(state: BlockState, place: number, sent: { fixedSender: string | null; atMs: number }): void {
    const body = this.#ledger.residents.body(state.block)
    if (body === null || body.lockSeconds === 0) return
    const sender = this.#senderOf(body, sent.fixedSender)
    if (sender === 0) return
    this.#look.begin(sender, body.number(place))
    this.#ledger.talks.find(this.#look)
    if (this.#look.rank === 0 || lockedUntil(this.#look.found) <= sent.atMs) this.enter(state, place, sent)
  }

  #senderOf(body: BlockReader, fixedSender: string | null): number {
    this.#body = body
    this.#fixed = fixedSender
    this.#sender = looseSender(fixedSender ?? body.from)
    return this.#sender
  }

  #fill(body: BlockReader, ref: MessageRef, sentMs: number): void {
    const talk = this.#talk
    talk.sender = this.#sender
    talk.ref = ref
    talk.sentMs = sentMs
    talk.account = body.account
    talk.lockSeconds = body.lockSeconds
  }

  /** Messages of subscribers are about to be asked for, one after the other: which blocks have messages in flight now. */
  begin(carriers: readonly Carrier[], nowMs: number): (inbound: Inbound) => TalkedTo | null {
    const inFlight = this.#ledger.residents.inFlight()
    return (inbound) => {
      const look = this.#look
      const sender = looseNumber(inbound.to, inbound.toTon)
      const recipient = looseNumber(inbound.from, inbound.fromTon)
      if (sender === 0 || recipient === 0) return null
      look.begin(sender, recipient)
      this.#ledger.talks.find(look)
      for (const state of inFlight) this.#lookInFlight(state, carriers, nowMs)
      if (look.rank === 0) return null
      const { ref, account, sentMs } = look.found
      return { ref, account, sentAtMs: sentMs, untilMs: lockedUntil(look.found) }
    }
  }

  #lookInFlight(state: BlockState, carriers: readonly Carrier[], nowMs: number): void {
    const body = this.#ledger.residents.body(state.block)
    if (body === null || body.lockSeconds === 0) return
    const tail = looseTail(this.#look.recipient)
    for (let place = 0; place < state.count; place++) {
      if (state.inFlight[place] === 0) continue
      const recipient = body.number(place)
      if (looseTail(recipient) !== tail) continue
      const ref = messageRef(state.block, place)
      for (const { channel } of carriers) {
        const agoMs = channel.sentAgoMs(ref)
        if (agoMs < 0 || this.#senderOf(body, channel.fixedSender ?? null) === 0) continue
        this.#fill(body, ref, nowMs - agoMs)
        this.#talk.recipient = recipient
        this.#look.offer(this.#talk)
      }
    }
  }
}
