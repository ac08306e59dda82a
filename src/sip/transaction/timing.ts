/** Timer values of RFC 3261 §17.1.1.1 and Table 4, as amended by RFC 6026; milliseconds. */

/** Estimate of the round trip. */
export const T1 = 500
/** Longest wait between retransmissions of a non-INVITE request or an INVITE's response. */
export const T2 = 4_000
/** Longest life of a message in the network. */
export const T4 = 5_000
/** Timers B, F, H, J, L, M: how long a transaction tries, or waits for what may still come. */
export const LONG = 64 * T1
/** Timer D over UDP: how long a final response may still be retransmitted. */
export const TIMER_D = 32_000
