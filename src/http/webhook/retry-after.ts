/** The header Retry-After, RFC 9110 §10.2.3: seconds, or a date. */

/** Milliseconds from now; null: it cannot be read. */
export function retryAfterMs(value: string, nowMs: number): number | null {
  if (/^\s*\d{1,9}\s*$/.test(value)) return Number(value) * 1000
  // Date.parse takes nearly anything.
  const at = /^[A-Z][a-z]{2,8},? /.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs)
}
