/**
 * PDUs of a live carrier (messages, where it speaks SIP) on their way to whoever watches: the one kind of traffic between threads that is dropped rather
 * than waited for.
 */

/** What one watcher wants to see. */
export interface TraceFilter {
  /** Index of a bind, or of a gateway; null: all of the carrier. */
  bind: number | null
  /** Digits of a sender or recipient, whole or its end; null: every PDU. Answers to PDUs that match are shown too. */
  number: string | null
  /** False: text is masked, in SIP numbers too. Passwords, and answers that rest on them, are masked always. */
  text: boolean
  /** True: the octets (for a capture file) instead of the decoded fields. */
  octets: boolean
}

export interface TracedPdu {
  /** Epoch ms. */
  at: number
  protocol: 'smpp' | 'sip'
  /** Or gateway; -1: it came from elsewhere. */
  bind: number
  /** Number of this connection among the bind's: it changes with each reconnect. 0 in SIP. */
  connection: number
  /** Seen from us. */
  direction: 'out' | 'in'
  /** The decoded PDU under the field names of its protocol; null when octets were asked for. */
  pdu: Record<string, unknown> | null
  octets: Uint8Array | null
}

export interface TraceBatch {
  pdus: TracedPdu[]
  /** PDUs that passed unseen since the last batch, because the watcher was too slow. */
  dropped: number
}
