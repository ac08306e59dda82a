/** Retry-After (RFC 3261 §20.33): `18000;duration=3600`, `120 (I am in a meeting)`. */
import { wholeNumber } from './syntax.js'

/** Seconds; 0: none said, or nothing that can be read. At most 2^31 − 1. */
export function retryAfterSeconds(value: string | undefined): number {
  const digits = /^\d+(?=$|[\s;(])/.exec(value ?? '')?.[0] ?? ''
  return Math.max(0, wholeNumber(digits, 0x7fff_ffff))
}
