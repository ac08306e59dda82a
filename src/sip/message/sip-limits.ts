/**
 * Bounds on what a SIP message may be. A datagram cannot be larger than this, and no gateway sends a stream message that is;
 * what exceeds a bound is refused, never cut.
 */
export const sipLimits = {
  /** A whole message with its body. */
  messageBytes: 65_536,
  /** Field lines of one message, after unfolding. */
  headers: 256,
  /** Octets of one field line, after unfolding, and of the start line. */
  lineChars: 8_192,
  /** Elements of one list: Via, Route, Contact, challenges … */
  listElements: 64,
  /** Parameters of one URI, address or Via. */
  parameters: 64,
} as const
