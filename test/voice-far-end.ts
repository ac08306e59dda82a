/**
 * A telephone network of text for calls on a bad line: each call gets a fate by chance (rings, refuses, is answered by one or
 * several telephones, hangs up, changes its sound, presses digits), and is kept as RFC 3261 asks of a server, with its own
 * repetitions. None of the engine's own classes are in it.
 */
import type { Random } from '../src/engine/base/random.js'
import { ANSWER, branch, field, reply, type VirtualLink, within } from './voice-link.js'

const T1 = 500
const LONG = 32_000

interface Telephone {
  tag: string
  isAnswered: boolean
  /** ACK came. */
  isConfirmed: boolean
  isOver: boolean
  cseq: number
}

interface FarCall {
  invite: string
  phones: Telephone[]
  /** Final response that was sent for the INVITE; '' = none. */
  final: string
  isAcknowledged: boolean
  /** Branches that were dealt with, and the response to each. */
  answered: Map<string, string>
  isChallenged: boolean
}

export class FarEnd {
  readonly #link: VirtualLink
  readonly #random: Random
  /** To the user agent, over the bad line. */
  readonly #send: (text: string) => void
  readonly #calls = new Map<string, FarCall>()
  /** Digits that were pressed, by Call-ID: each INFO has its own. */
  readonly pressed = new Map<string, number>()

  constructor(link: VirtualLink, random: Random, send: (text: string) => void) {
    this.#link = link
    this.#random = random
    this.#send = send
  }

  received(text: string): void {
    const id = field(text, 'call-id')
    const call = this.#calls.get(id)
    if (text.startsWith('INVITE ')) this.#invite(id, text, call)
    else if (call === undefined) return
    else if (text.startsWith('ACK ')) this.#acknowledged(call, text)
    else if (text.startsWith('SIP/2.0 ')) this.#answered(call, text)
    else this.#request(call, text)
  }

  #invite(id: string, text: string, before: FarCall | undefined): void {
    const known = before?.answered.get(branch(text))
    if (before !== undefined && known !== undefined) {
      if (known !== '') this.#send(known)
      return
    }
    const call = before ?? {
      ...{ invite: text, phones: [], final: '', isAcknowledged: false },
      ...{ answered: new Map(), isChallenged: false },
    }
    this.#calls.set(id, call)
    call.invite = text
    call.final = ''
    call.isAcknowledged = false
    call.answered.set(branch(text), '')
    const chance = this.#random.next()
    if (chance < 0.05) return
    if (chance < 0.15 && !call.isChallenged) this.#challenge(call)
    else this.#live(call, text)
  }

  #challenge(call: FarCall): void {
    call.isChallenged = true
    const lines = ['WWW-Authenticate: Digest realm="far", nonce="n", qop="auth"']
    this.#refuse(call, reply(call.invite, '401 Unauthorized', { tag: 'gate', lines }))
  }

  #live(call: FarCall, invite: string): void {
    const random = this.#random
    this.#soon(invite, call, () => this.#provisional(call, reply(invite, '100 Trying')))
    const phones = random.next() < 0.8 ? 1 : 1 + random.below(3)
    for (let n = 0; n < phones; n++) this.#ring(call, `p${n}x${random.below(1e9)}`)
    const chance = random.next()
    const afterMs = 200 + random.below(12_000)
    const refusal = ['486 Busy Here', '404 Not Found', '503 Service Unavailable', '603 Decline'][random.below(4)]!
    if (chance < 0.25)
      this.#later(invite, call, afterMs, () => this.#refuse(call, reply(invite, refusal, { tag: 'no' })))
    else if (chance < 0.85)
      for (const phone of call.phones)
        this.#later(invite, call, afterMs + random.below(600), () => this.#answer(call, phone))
  }

  #soon(invite: string, call: FarCall, run: () => void): void {
    this.#later(invite, call, this.#random.below(200), run)
  }

  /** Unless the INVITE has its final response by then, or is another. */
  #later(invite: string, call: FarCall, afterMs: number, run: () => void): void {
    this.#link.at(afterMs, () => {
      const isForked = call.final.startsWith('SIP/2.0 200')
      if (call.invite === invite && (call.final === '' || isForked)) run()
    })
  }

  #provisional(call: FarCall, text: string): void {
    call.answered.set(branch(call.invite), text)
    this.#send(text)
  }

  #ring(call: FarCall, tag: string): void {
    const phone = { tag, isAnswered: false, isConfirmed: false, isOver: false, cseq: 0 }
    const isReliable = this.#random.next() < 0.3
    call.phones.push(phone)
    const { invite } = call
    const lines = ['Contact: <sip:far@10.0.0.2:5060>', ...(isReliable ? ['Require: 100rel', 'RSeq: 77'] : [])]
    const ringing = reply(invite, '183 Session Progress', { tag, lines, sdp: ANSWER })
    const repeat = (waitMs: number): void => {
      if (call.invite !== invite || call.final !== '' || call.answered.has(`PRACK ${tag}`) || waitMs > 8_000) return
      this.#provisional(call, ringing)
      if (isReliable) this.#link.at(waitMs, () => repeat(2 * waitMs))
    }
    this.#soon(invite, call, () => repeat(T1))
  }

  #refuse(call: FarCall, text: string): void {
    const { invite } = call
    call.final = text
    call.answered.set(branch(invite), text)
    const startedMs = this.#link.nowMs
    const repeat = (waitMs: number): void => {
      if (call.isAcknowledged || call.invite !== invite || this.#link.nowMs - startedMs > LONG) return
      this.#send(text)
      this.#link.at(waitMs, () => repeat(Math.min(2 * waitMs, 4_000)))
    }
    repeat(T1)
  }

  #answer(call: FarCall, phone: Telephone): void {
    const { invite } = call
    const lines = ['Contact: <sip:far@10.0.0.2:5060>']
    const text = reply(invite, '200 OK', { tag: phone.tag, lines, sdp: ANSWER })
    phone.isAnswered = true
    call.final = text
    const startedMs = this.#link.nowMs
    const repeat = (waitMs: number): void => {
      if (phone.isConfirmed || phone.isOver) return
      if (this.#link.nowMs - startedMs > LONG) this.#hangUp(call, phone)
      else {
        this.#send(text)
        this.#link.at(waitMs, () => repeat(Math.min(2 * waitMs, 4_000)))
      }
    }
    repeat(T1)
  }

  #acknowledged(call: FarCall, text: string): void {
    const phone = this.#phoneOf(call, text)
    if (phone === undefined) {
      if (branch(text) === branch(call.invite)) call.isAcknowledged = true
      return
    }
    if (phone.isConfirmed || !phone.isAnswered) return
    phone.isConfirmed = true
    this.#talk(call, phone)
  }

  /** Digits, a re-INVITE, and at the end, or not, a BYE. */
  #talk(call: FarCall, phone: Telephone): void {
    const random = this.#random
    const digits = random.below(3)
    const info = { lines: ['Content-Type: application/dtmf'], body: '5' }
    const { invite } = call
    for (let n = 0; n < digits; n++) {
      this.#repeated(call, phone, 'INFO', 500 + random.below(6_000), info)
      const id = field(invite, 'call-id')
      this.pressed.set(id, (this.pressed.get(id) ?? 0) + 1)
    }
    const sdp = { lines: ['Content-Type: application/sdp'], body: ANSWER }
    if (random.next() < 0.2) this.#repeated(call, phone, 'INVITE', 2_000, sdp)
    if (random.next() < 0.4) this.#link.at(1_000 + random.below(9_000), () => this.#hangUp(call, phone))
  }

  #hangUp(call: FarCall, phone: Telephone): void {
    if (!phone.isOver) this.#repeated(call, phone, 'BYE', 0, {})
    phone.isOver = true
  }

  /** A request of the telephone, sent again until it is answered. */
  #repeated(
    call: FarCall,
    phone: Telephone,
    method: string,
    afterMs: number,
    more: { lines?: string[]; body?: string },
  ): void {
    const { invite } = call
    this.#link.at(afterMs, () => {
      if (phone.isOver && method !== 'BYE') return
      const cseq = ++phone.cseq
      const name = `z9hG4bK${phone.tag}${cseq}`
      const text = within(invite, method, { cseq, tag: phone.tag, branch: name, ...more })
      const startedMs = this.#link.nowMs
      const repeat = (waitMs: number): void => {
        const isEnded = phone.isOver && method !== 'BYE'
        if (call.answered.has(name) || isEnded || this.#link.nowMs - startedMs > LONG) return
        this.#send(text)
        this.#link.at(waitMs, () => repeat(Math.min(2 * waitMs, 4_000)))
      }
      repeat(T1)
    })
  }

  /** A response to a request of the telephone; each 2xx to a re-INVITE gets its ACK. */
  #answered(call: FarCall, text: string): void {
    call.answered.set(branch(text), '')
    const [number, method] = field(text, 'cseq').split(' ')
    if (method !== 'INVITE') return
    const tag = /;tag=(\S+)/.exec(field(text, 'from'))![1]!
    const isSuccess = text.startsWith('SIP/2.0 200')
    const name = isSuccess ? `z9hG4bKack${tag}${number}` : branch(text)
    this.#send(within(call.invite, 'ACK', { cseq: Number(number), tag, branch: name }))
  }

  #request(call: FarCall, text: string): void {
    const before = call.answered.get(branch(text) + text.slice(0, 6))
    if (before !== undefined) {
      this.#send(before)
      return
    }
    const phone = this.#phoneOf(call, text)
    const isCancel = text.startsWith('CANCEL ')
    const ok = reply(text, phone !== undefined || isCancel ? '200 OK' : '481 Call Does Not Exist')
    call.answered.set(branch(text) + text.slice(0, 6), ok)
    this.#send(ok)
    if (isCancel && call.final === '') this.#refuse(call, reply(call.invite, '487 Request Terminated', { tag: 'no' }))
    if (text.startsWith('PRACK ') && phone !== undefined) call.answered.set(`PRACK ${phone.tag}`, '')
    if (text.startsWith('BYE ') && phone !== undefined) phone.isOver = true
  }

  #phoneOf(call: FarCall, text: string): Telephone | undefined {
    const tag = /;tag=(\S+)/.exec(field(text, 'to'))?.[1]
    return call.phones.find((phone) => phone.tag === tag)
  }
}
