/**
 * What comes in on the port of one call: where it comes from decides where we send (symmetric RTP, RFC 4961), digits are
 * told, packets and losses are counted. The sound itself is not listened to. Media thread.
 *
 * Before the answer nothing is taken. After it we send to where the SDP says, until the first packet of a payload type that
 * was agreed on comes: from then on its source is the far end (behind NAT the SDP names a private address), and packets of
 * all other sources are dropped. The very address and port of the SDP may still take over once: who guesses a port of ours
 * cannot keep a call that its true far end speaks in. A new SDP with another address begins anew.
 */
import type { RemoteInfo } from 'node:dgram'
import { DigitReader } from './digit-reader.js'
import type { MediaTarget } from './media.js'
import { RtpView } from './rtp-header.js'
import { OFFERED_EVENT_TYPE } from './sdp.js'
import { SequenceCount } from './sequence-count.js'

/** G.711 as we offer it, and comfort noise (RFC 3389), which many send unasked. */
const SOUND_TYPES = [0, 8, 13]
/** Gateways send digits under this one whatever was agreed on (SIPp among them). */
const COMMON_EVENT_TYPE = 96

/** All calls are read one after the other. */
const view = new RtpView()

export class RtpReceiver {
  /** Where to send; port 0: nobody answered yet. */
  address = ''
  port = 0
  packets = 0
  readonly #sequences = new SequenceCount()
  readonly #digits = new DigitReader()
  #target: MediaTarget | null = null
  #isLatched = false

  /** The SDP of an answer or of a re-INVITE. */
  expect(target: MediaTarget): void {
    const isElsewhere = this.#target?.address !== target.address || this.#target.port !== target.port
    this.#target = target
    if (!isElsewhere) return
    this.address = target.address
    this.port = target.port
    this.#isLatched = false
  }

  get lost(): number {
    return this.#sequences.lost
  }

  /** The digits that begin with this packet; '' = none. */
  take(packet: Buffer, source: RemoteInfo): string {
    const target = this.#target
    // Nothing can be sent to port 0, which a forged packet may come from.
    if (target === null || source.port === 0 || !view.read(packet)) return ''
    const isEvent = isEventType(view.payloadType, target)
    if (!isEvent && view.payloadType !== target.payloadType && !SOUND_TYPES.includes(view.payloadType)) return ''
    if (!this.#isFarEnd(source, target)) return ''
    this.packets++
    this.#sequences.count(view.ssrc, view.sequence)
    return isEvent ? this.#digits.read(packet, view) : ''
  }

  #isFarEnd(source: RemoteInfo, target: MediaTarget): boolean {
    if (this.#isLatched && source.port === this.port && source.address === this.address) return true
    const isNamed = source.port === target.port && source.address === target.address
    if (this.#isLatched && !isNamed) return false
    this.#isLatched = true
    this.address = source.address
    this.port = source.port
    return true
  }
}

function isEventType(type: number, target: MediaTarget): boolean {
  if (type === target.payloadType) return false
  return type === target.eventPayloadType || type === OFFERED_EVENT_TYPE || type === COMMON_EVENT_TYPE
}
