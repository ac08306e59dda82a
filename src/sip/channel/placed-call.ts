/**
 * The call of one message: its sound is prepared, a port for it opened, one gateway after the other dialled, the message
 * played to who answers, and what was heard is what it settles by, exactly once. Dispatcher thread.
 */

import type { CallFacts } from '../../engine/base/call-facts.js'
import { crashPoint } from '../../engine/base/crash-point.js'
import type { MessageRef } from '../../engine/contract/message.js'
import { OUTCOME, type OutcomeCode } from '../../engine/contract/outcome.js'
import type { ReasonCode } from '../../engine/contract/reasons.js'
import type { SpeechBody } from '../../engine/text/speech-body.js'
import type { Call, CallEnd, CallListener } from '../call/call.js'
import type { MediaPlace, MediaReport, MediaTarget } from '../media/media.js'
import { answerSdp, offerSdp, readSdp, type SdpTerms } from '../media/sdp.js'
import type { PreparedSpeech } from '../speech/speech.js'
import type { CallContext, CallResult } from './call-context.js'
import { credentialsOf } from './caller.js'
import { Digits } from './digits.js'
import { REST_MS_MOST } from './gateway.js'
import type { Candidate } from './gateways.js'
import { ELSEWHERE, LATER, REASON_OF } from './outcome-table.js'

/** What a message asks for. */
export interface CallOrder {
  ref: MessageRef
  /** E.164 without plus. */
  digits: string
  /** Its sender; '' = the carrier's own. */
  from: string
  /** From 0. */
  attempt: number
  body: SpeechBody
}

/** Why it came to nothing, and what the media thread reports; null: nobody listened. */
interface About {
  reason: ReasonCode
  report: MediaReport | null
}

/** A Retry-After of more would park a message for good. */
const RETRY_AFTER_MS_MOST = 86_400_000
/** Between a digit that answers the message and our BYE. */
const AFTER_DIGIT_MS = 500
/** A gateway that answers without a description may bring it in a re-INVITE, as some that join two calls do. */
const DESCRIPTION_MS = 3_000
const NOTHING_HEARD: MediaReport = { heardMs: 0, totalMs: 0, packetsSent: 0, packetsReceived: 0, packetsLost: 0 }

export class PlacedCall implements CallListener {
  /** By which the media thread knows it. */
  readonly number: number
  readonly order: CallOrder
  readonly #context: CallContext
  readonly #digits: Digits
  readonly #tried = new Set<string>()
  #speech: PreparedSpeech | null = null
  #candidate: Candidate | null = null
  #call: Call | null = null
  #callId = ''
  #mediaPort = 0
  #terms: SdpTerms | null = null
  #earlySdp = ''
  /** Where the sound goes; null: no description came yet. */
  #target: MediaTarget | null = null
  #hasRung = false
  #dialledAtMs = -1
  #isAnswered = false
  #answeredAtMs = 0
  #wasPlayed = false
  /** Why the sound failed; null: it did not. */
  #soundFailed: ReasonCode | null = null
  #hangUpAtMs = Number.POSITIVE_INFINITY
  /** We end it, whatever it came to. */
  #isCut = false
  #isSettled = false

  constructor(number: number, order: CallOrder, context: CallContext) {
    this.number = number
    this.order = order
    this.#context = context
    this.#digits = new Digits(context.config)
  }

  /** Monotonic ms of the INVITE under way; -1: nobody is called. */
  get dialledAtMs(): number {
    return this.#dialledAtMs
  }
  get gateway(): Candidate | null {
    return this.#candidate
  }
  /** It is between its first INVITE and its end. */
  get isOnLine(): boolean {
    return this.#call !== null
  }

  prepare(): void {
    this.#context.speech.prepare(this.order.body, (result) => {
      if (this.#isSettled) return
      if ('reason' in result) {
        const code = result.isTemporary ? OUTCOME.interrupted : OUTCOME.unheard
        this.#settle(code, null, { reason: result.reason, report: null })
      } else {
        this.#speech = result
        this.#context.desk.mayDial(this, null)
      }
    })
  }

  /** A port for its sound. `opened`: false: none is free. */
  open(place: MediaPlace, opened: (isOpen: boolean) => void): void {
    this.#context.media.open(this.number, place, (port) => {
      this.#mediaPort = port ?? 0
      if (!this.#isSettled) opened(port !== null)
      else if (port !== null) this.#context.media.close(this.number, () => {})
    })
  }

  dial(candidate: Candidate, at: { address: string; sessionId: number; nowMs: number }): void {
    const { config, callers } = this.#context
    const { gateway, peer, agent } = candidate
    const caller = callers.of(this.order.from, gateway.host)
    this.#candidate = candidate
    this.#tried.add(candidate.key)
    this.#hasRung = false
    this.#earlySdp = ''
    this.#target = null
    this.#dialledAtMs = at.nowMs
    const { sessionId, address } = at
    this.#terms = { address, port: this.#mediaPort, sessionId, version: 1, codecs: config.codecs }
    this.#call = agent.invite(
      {
        to: peer,
        uri: callers.called(this.order.digits, gateway.host),
        from: caller.uri,
        fromName: caller.name,
        assertedIdentity: caller.assertedIdentity,
        isAnonymous: config.hideCallerId,
        credentials: credentialsOf(config),
        sdp: offerSdp(this.#terms),
        provisionalMs: config.provisionalMs,
        ringMs: config.ringSeconds * 1000,
        talkMs: config.maxCallSeconds * 1000,
      },
      this,
    )
    this.#callId = this.#call.callId
    gateway.inFlight++
    crashPoint('call-dialled')
  }

  /** We end it: what was heard counts, the rest goes back. Before it was dialled it settles at once. */
  cut(): void {
    this.#isCut = true
    if (this.#call !== null) this.#call.hangUp()
    else this.giveBack()
  }

  /** It was not dialled after all. */
  giveBack(delayMs = -1): void {
    if (this.#mediaPort !== 0) this.#context.media.close(this.number, () => {})
    this.#finish({ code: OUTCOME.notSent, status: 0, q850: 0, delayMs, facts: null, gateway: 0 })
  }

  /** It was hung up, and its end is waited for no longer: what was played decides. */
  conclude(): void {
    if (this.#call === null || !this.#isAnswered) return
    const talkMs = Math.max(0, this.#context.clock.monotonic() - this.#answeredAtMs)
    const ringMs = this.#answeredAtMs - this.#dialledAtMs
    const how = 'localHangUp'
    this.ended({ how, status: 200, q850: 0, reason: '', retryAfterSeconds: 0, wasAnswered: true, ringMs, talkMs })
  }

  /** Nothing is known of its end: the time to wait for it is over. */
  abandon(): void {
    if (this.#isSettled) return
    this.#context.media.close(this.number, () => {})
    const code = this.#dialledAtMs < 0 ? OUTCOME.notSent : OUTCOME.unanswered
    this.#finish({ code, status: 0, q850: 0, delayMs: -1, facts: null, gateway: this.#candidate?.gateway.index ?? 0 })
  }

  tick(nowMs: number): void {
    if (nowMs < this.#hangUpAtMs) return
    this.#hangUpAtMs = Number.POSITIVE_INFINITY
    if (this.#target === null) this.#hangUpUnheard()
    else this.#call?.hangUp()
  }
  /** Monotonic; Infinity: nothing is due. */
  get dueMs(): number {
    return this.#hangUpAtMs
  }

  // From the user agent.

  ringing(_status: number, sdp: string): void {
    this.#hasRung = true
    if (sdp !== '') this.#earlySdp = sdp
  }

  /** The answer may stand in a provisional that was acknowledged (RFC 3262 §5). */
  answered(sdp: string): void {
    const { config } = this.#context
    const target = readSdp(sdp === '' ? this.#earlySdp : sdp, config.codecs)
    this.#isAnswered = true
    this.#answeredAtMs = this.#context.clock.monotonic()
    if (target !== null) this.#talkTo(target)
    else if (sdp === '' && this.#earlySdp === '') this.#hangUpAtMs = this.#answeredAtMs + DESCRIPTION_MS
    else this.#hangUpUnheard()
  }

  /** The message begins with the first description, and goes on where it was with every other. */
  #talkTo(target: MediaTarget): void {
    const { media, config } = this.#context
    const isFirst = this.#target === null
    this.#target = target
    media.connect(this.number, target)
    if (!isFirst) return
    this.#hangUpAtMs = Number.POSITIVE_INFINITY
    media.play(this.number, this.#speech!.clips, config.playDelayMs)
  }

  #hangUpUnheard(): void {
    this.#soundFailed = 'GATEWAY_ERROR'
    this.#call?.hangUp()
  }

  reoffered(sdp: string): string | null {
    const target = readSdp(sdp, this.#context.config.codecs)
    const answer = target === null ? null : answerSdp(sdp, this.#nextTerms())
    if (target === null || answer === null) return null
    if (this.#isAnswered) this.#talkTo(target)
    return answer
  }

  offer(): string {
    return offerSdp(this.#nextTerms())
  }

  #nextTerms(): SdpTerms {
    this.#terms = { ...this.#terms!, version: this.#terms!.version + 1 }
    return this.#terms
  }

  digit(digit: string): void {
    this.#pressed(digit, 'info')
  }

  // From the media thread.

  heardDigit(digit: string): void {
    this.#pressed(digit, 'rtp')
  }

  played(): void {
    this.#wasPlayed = true
    this.#hangUpAtMs = Math.min(this.#hangUpAtMs, this.#context.clock.monotonic() + this.#context.config.tailMs)
  }

  soundFailed(): void {
    this.#soundFailed ??= 'SPEECH_FAILED'
    this.#call?.hangUp()
  }

  #pressed(digit: string, by: 'info' | 'rtp'): void {
    if (!this.#isAnswered || this.#isSettled) return
    const nowMs = this.#context.clock.monotonic()
    switch (this.#digits.press(digit, by, nowMs)) {
      case 'optOut':
        this.#context.desk.optedOut(this, digit)
        this.#call?.hangUp()
        break
      case 'repeat':
        this.#hangUpAtMs = Number.POSITIVE_INFINITY
        this.#context.media.play(this.number, this.#speech!.clips, 0)
        break
      case 'expected':
        this.#hangUpAtMs = nowMs + AFTER_DIGIT_MS
        break
      case 'none':
    }
  }

  closing(): void {
    if (this.#target !== null) this.#context.media.connect(this.number, { ...this.#target, mayHear: false })
  }

  ended(end: CallEnd): void {
    if (this.#call === null) return
    const candidate = this.#candidate!
    this.#call = null
    candidate.gateway.inFlight--
    this.#hangUpAtMs = Number.POSITIVE_INFINITY
    if (this.#isSettled) return
    if (end.wasAnswered) this.#afterTalk(candidate, end)
    else this.#notAnswered(candidate, end)
  }

  #afterTalk(candidate: Candidate, end: CallEnd): void {
    this.#context.desk.noted(candidate, end, null)
    this.#context.desk.lineFree(this)
    this.#context.media.close(this.number, (report) => this.#heard(end, report))
  }

  #heard(end: CallEnd, report: MediaReport): void {
    const { config, metrics } = this.#context
    const isHeard = this.#percent(report) >= config.heardPercent || this.#digits.hasAnswered
    metrics.ended(isHeard ? 'heard' : 'partlyHeard', end)
    if (isHeard) this.#settle(OUTCOME.heard, end, { reason: 'NONE', report })
    else if (this.#isCut) this.#settle(OUTCOME.interrupted, end, { reason: 'PARTLY_HEARD', report }, 0)
    else if (this.#digits.hasOptedOut) this.#settle(OUTCOME.unheard, end, { reason: 'PARTLY_HEARD', report })
    else this.#later(end, { reason: this.#soundFailed ?? 'PARTLY_HEARD', report }, -1)
  }

  /** Of the message without its closing. A thread that died can report nothing of what was played to the end before. */
  #percent({ heardMs }: MediaReport): number {
    const { messageMs } = this.#speech!
    if (this.#wasPlayed || messageMs <= 0) return this.#soundFailed === null || this.#wasPlayed ? 100 : 0
    return Math.min(100, Math.floor((heardMs * 100) / messageMs))
  }

  #notAnswered(candidate: Candidate, end: CallEnd): void {
    const { desk, table, metrics } = this.#context
    if (end.how === 'canceled') {
      desk.lineFree(this)
      this.giveBack()
      return
    }
    const { outcome, delayMs } = table.verdict(end, this.#hasRung)
    desk.noted(candidate, end, outcome)
    metrics.ended(outcome, { ...end, talkMs: null })
    const next = ELSEWHERE.has(outcome) && !this.#isCut ? desk.next(this.#tried) : null
    if (next !== null && desk.mayStillGo(this.order.ref)) {
      desk.mayDial(this, next)
      return
    }
    desk.lineFree(this)
    this.#context.media.close(this.number, () => {})
    const about = { reason: REASON_OF[outcome], report: null }
    const restMs = Math.min(end.retryAfterSeconds * 1000, REST_MS_MOST)
    if (ELSEWHERE.has(outcome)) this.#settle(OUTCOME.congested, end, about, Math.max(delayMs, restMs))
    else if (LATER.has(outcome)) this.#later(end, about, delayMs)
    else this.#settle(OUTCOME.unheard, end, about)
  }

  /** Called again, while attempts are left; not sooner because a gateway says so, who would have us try without end. */
  #later(end: CallEnd, about: About, delayMs: number): void {
    const { attempts, retryMinutes } = this.#context.config
    const { attempt } = this.order
    if (attempt + 1 >= attempts) {
      this.#settle(OUTCOME.unheard, end, about)
      return
    }
    const usualMs = retryMinutes[Math.min(attempt, retryMinutes.length - 1)]! * 60_000
    const askedMs = Math.min(end.retryAfterSeconds * 1000, RETRY_AFTER_MS_MOST)
    this.#settle(OUTCOME.putOff, end, about, Math.max(delayMs < 0 ? usualMs : delayMs, askedMs))
  }

  #settle(code: OutcomeCode, end: CallEnd | null, { reason, report }: About, delayMs = -1): void {
    const wasAnswered = end?.wasAnswered === true
    const facts: CallFacts = {
      reason,
      heardPercent: wasAnswered ? this.#percent(report ?? NOTHING_HEARD) : null,
      ringSeconds: end === null ? null : end.ringMs / 1000,
      talkSeconds: wasAnswered ? end.talkMs / 1000 : null,
      digits: this.#digits.all,
      gateway: this.#candidate?.gateway.label ?? '',
      callId: this.#callId,
      words: end?.reason ?? '',
      againSeconds: 0,
    }
    const { status = 0, q850 = 0 } = end ?? {}
    this.#finish({ code, status, q850, delayMs, facts, gateway: this.#candidate?.gateway.index ?? 0 })
  }

  #finish(result: CallResult): void {
    if (this.#isSettled) return
    this.#isSettled = true
    crashPoint('call-ended')
    this.#context.desk.settled(this, result)
  }
}
