/** What the simulator counts. */
export interface SmscStats {
  submits: number
  /** Different messages (destination and payload); 0 unless countRepeats. */
  distinct: number
  repeats: number
  throttled: number
  rejected: number
  /** Most submits in any sliding second. */
  maxPerSecond: number
  /** Most submits of one session read and not answered. */
  maxInFlight: number
  windowViolations: number
  /** Connections at this moment. */
  sessions: number
  binds: number
  unbinds: number
  receiptsSent: number
  receiptsAcknowledged: number
  /** Answered with a temporary refusal; they are sent again. */
  receiptsRefused: number
  /** Owed and not under way. */
  receiptsWaiting: number
  /** PDUs of subscribers that were taken, refused, and not under way. */
  inboundTaken: number
  inboundRefused: number
  inboundWaiting: number
  /** enquire_link of ours that the peers answered. */
  enquireAnswers: number
  protocolErrors: number
}

export function newStats(): SmscStats {
  return {
    submits: 0,
    distinct: 0,
    repeats: 0,
    throttled: 0,
    rejected: 0,
    maxPerSecond: 0,
    maxInFlight: 0,
    windowViolations: 0,
    sessions: 0,
    binds: 0,
    unbinds: 0,
    receiptsSent: 0,
    receiptsAcknowledged: 0,
    receiptsRefused: 0,
    receiptsWaiting: 0,
    inboundTaken: 0,
    inboundRefused: 0,
    inboundWaiting: 0,
    enquireAnswers: 0,
    protocolErrors: 0,
  }
}
