/**
 * Cuts the octets of one connection into SIP messages (RFC 3261 §18.3: Content-Length says where a body ends) and line ends
 * between them (RFC 5626 §3.5.1: CRLF CRLF is a ping, CRLF alone its pong). Dispatcher thread, once per chunk.
 *
 * What cannot be the beginning of a message is known as early as that can be: whoever speaks another protocol is cut off
 * with its first line. No more than one message, and what came in the same chunk behind it, is kept.
 */
import { headEnd } from '../message/parse.js'
import { sipLimits } from '../message/sip-limits.js'

export interface FramedStream {
  /** A whole message, valid during the call only. */
  message(bytes: Buffer): void
  ping(): void
  pong(): void
}

const CR = 0x0d
const LF = 0x0a
const NOTHING = Buffer.alloc(0)
/** Line ends between messages that are looked at together: more are a flood, not keepalives. */
const LINE_ENDS_MOST = 1_024
const LENGTH = /^(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,9})[ \t]*\r?$/gim
const HAS_LENGTH = /^(?:content-length|l)[ \t]*:/im
const HAS_BODY = /^(?:content-type|c)[ \t]*:/im
const FIRST_LINE = /^(?:SIP\/\d\.\d \d{3}(?: .*)?|[A-Za-z0-9.!%*_+`'~-]{1,64} \S+ SIP\/\d\.\d)[ \t]*$/i

export class StreamFramer {
  readonly #to: FramedStream
  #held: Buffer = NOTHING
  /** Of `#held`: no end of the header fields before it. */
  #searched = 0
  /** Length of the message that is waited for; 0: its header fields are not whole. */
  #wanted = 0
  #isFirstLineSeen = false
  #broken = ''

  constructor(to: FramedStream) {
    this.#to = to
  }

  /** Octets of an incomplete message that are kept. */
  get held(): number {
    return this.#held.length
  }

  /** Returns '', or why nothing more can be read from this stream. Keeps nothing of `chunk`. */
  push(chunk: Buffer): string {
    if (this.#broken !== '') return this.#broken
    const isNew = this.#held.length === 0
    const bytes = isNew ? chunk : Buffer.concat([this.#held, chunk])
    const rest = this.#cut(bytes)
    if (this.#broken !== '' || rest === bytes.length) this.#held = NOTHING
    else if (rest > 0 || isNew) this.#held = Buffer.from(bytes.subarray(rest))
    else this.#held = bytes
    return this.#broken
  }

  /** Nothing that follows is read. */
  stop(): void {
    this.#broken ||= 'stopped'
    this.#held = NOTHING
  }

  /** Hands on what is whole; returns the place of the first octet that is not. */
  #cut(bytes: Buffer): number {
    let at = 0
    while (at < bytes.length && this.#broken === '') {
      if (this.#wanted === 0 && !this.#isFirstLineSeen && isLineEnd(bytes[at]!)) {
        const next = this.#lineEnds(bytes, at)
        if (next === at) return at
        at = next
        continue
      }
      const size = this.#wanted || this.#size(bytes, at)
      this.#wanted = size
      if (size === 0 || at + size > bytes.length) return at
      this.#wanted = 0
      this.#isFirstLineSeen = false
      this.#searched = 0
      this.#to.message(bytes.subarray(at, at + size))
      at += size
    }
    return at
  }

  /** Two line ends are a ping, one is a pong; returns the place behind them, or `at` while it cannot be known which. */
  #lineEnds(bytes: Buffer, at: number): number {
    let end = at
    while (end < bytes.length && isLineEnd(bytes[end]!) && end - at < LINE_ENDS_MOST) end++
    // A CR alone at the end of a chunk is half a line end.
    if (bytes[end - 1] === CR && end === bytes.length) end--
    const count = end - at
    if (count >= 4) this.#to.ping()
    else if (count >= 2) this.#to.pong()
    return end
  }

  /** Octets of the message that begins at `start`; 0: that cannot be known yet. */
  #size(bytes: Buffer, start: number): number {
    if (!this.#isFirstLineSeen && !this.#seeFirstLine(bytes, start)) return 0
    // The end of the header fields has three octets at most: it may have begun before what was searched.
    const bodyAt = headEnd(bytes, Math.max(start, start + this.#searched - 3))
    if (bodyAt < 0) {
      this.#searched = bytes.length - start
      if (this.#searched > sipLimits.messageBytes) this.#broken = 'a message is larger than any may be'
      return 0
    }
    const length = this.#bodyLength(bytes.latin1Slice(start, bodyAt))
    const size = bodyAt - start + length
    if (size > sipLimits.messageBytes) this.#broken ||= 'a message is larger than any may be'
    return this.#broken === '' ? size : 0
  }

  #seeFirstLine(bytes: Buffer, start: number): boolean {
    const end = bytes.indexOf(LF, start)
    const last = end < 0 ? bytes.length : end
    const isTooLong = last - start > sipLimits.lineChars
    if (isTooLong || hasControls(bytes, start, last) || (end >= 0 && !isFirstLine(bytes, start, end))) {
      this.#broken = 'what came is not SIP'
      return false
    }
    this.#isFirstLineSeen = end >= 0
    return this.#isFirstLineSeen
  }

  /** Without any length a message that names no type of body has none: some send their 100 so. */
  #bodyLength(head: string): number {
    const all = [...head.matchAll(LENGTH)]
    const isSame = all.every((each) => Number(each[1]) === Number(all[0]![1]))
    if (all.length > 0 && isSame) return Number(all[0]![1])
    if (all.length > 0 || HAS_LENGTH.test(head) || HAS_BODY.test(head)) this.#broken = 'no usable Content-Length'
    return 0
  }
}

function isLineEnd(octet: number): boolean {
  return octet === CR || octet === LF
}

/** Octets that no start line has: binary protocols show by their first. */
function hasControls(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const octet = bytes[at]!
    if (octet < 0x20 && octet !== 0x09 && !(octet === CR && at >= end - 1)) return true
  }
  return false
}

function isFirstLine(bytes: Buffer, start: number, end: number): boolean {
  const stop = bytes[end - 1] === CR ? end - 1 : end
  return FIRST_LINE.test(bytes.toString('utf8', start, stop))
}
