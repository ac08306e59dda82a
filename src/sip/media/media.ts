/**
 * The sound of calls, as the dispatcher thread asks for it; the media thread behind it owns the RTP sockets and the one
 * timer. Calls are named by a number of the asker's. Every `opened` and `closed` is called exactly once.
 */

/** What is played, in order: sound that is kept on disk in both laws (see media/sound-file.ts), or silence. */
export type Clip = { file: string } | { pauseMs: number }

export type Codec = 'pcmu' | 'pcma'

/** Where our side of a call's sound may be: an even port (RFC 3550 §11) from `from` to `to`, `rtpPorts` of the carrier. */
export interface MediaPlace {
  /** IPv4 or IPv6 without brackets. */
  address: string
  /** 0: any even port that is free. */
  from: number
  to: number
}

/** The far end of a call's sound, from its SDP (RFC 3264), as sdp.ts reads it. */
export interface MediaTarget {
  address: string
  port: number
  codec: Codec
  /** Payload type that it gave the codec: 0 and 8 unless its SDP maps another one. */
  payloadType: number
  /** Sound in one packet: 20 unless it asked for something else. */
  packetMs: number
  /** Payload type under which it may send telephone-event (RFC 4733); null: it names none. */
  eventPayloadType: number | null
  /** We may send to it: false while it holds us (sendonly, inactive, 0.0.0.0). */
  mayHear: boolean
}

export interface MediaReport {
  /**
   * Milliseconds of the play list that were sent, at most its length: one time through, the farthest that it came. Of
   * the list that was played first: another one (a confirmation) is played without being counted.
   */
  heardMs: number
  totalMs: number
  packetsSent: number
  packetsReceived: number
  /** Missing by sequence number (RFC 3550 §6.4.1). */
  packetsLost: number
}

export interface MediaListener {
  /** Once a press; 0-9, *, #, A-D. */
  digit(call: number, digit: string): void
  /** The play list came to its end. */
  played(call: number): void
  /** A clip could not be read, nothing can be sent, or the media thread died: the call should end. Its report stays true. */
  failed(call: number, why: string): void
}

export interface Media {
  /** Binds a port on its address. null: none is free, or there is no such address, and there is nothing to close. */
  open(call: number, at: MediaPlace, opened: (port: number | null) => void): void
  /** On an answer, and again on each re-INVITE. Silence is sent from now on until something is played. */
  connect(call: number, target: MediaTarget): void
  /** From the beginning, `delayMs` from now; again: from the beginning once more. */
  play(call: number, clips: readonly Clip[], delayMs: number): void
  /** Stops at once; its port rests before it is used again. The call's number is free again. */
  close(call: number, closed: (report: MediaReport) => void): void
}
