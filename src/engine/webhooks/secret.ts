/**
 * Secrets and signatures of the Standard Webhooks specification: `whsec_` and base64 of 24 to 64 octets; HMAC-SHA256 over
 * `id.timestamp.body`, one signature for each live secret, separated by a space.
 */
import { createHmac, randomBytes } from 'node:crypto'

const PREFIX = 'whsec_'
const MADE_BYTES = 32
const BYTES_MIN = 24
const BYTES_MAX = 64

export function makeSecret(): string {
  return PREFIX + randomBytes(MADE_BYTES).toString('base64')
}

export function isSecret(text: string): boolean {
  const encoded = text.slice(PREFIX.length)
  if (!text.startsWith(PREFIX) || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return false
  const key = Buffer.from(encoded, 'base64')
  return key.toString('base64') === encoded && key.length >= BYTES_MIN && key.length <= BYTES_MAX
}

/** Headers of one delivery. `timestamp`: epoch seconds of this attempt, so that a late retry is not taken for a replay. */
export function signedHeaders(
  secrets: readonly string[],
  { id, timestamp, body }: { id: string; timestamp: number; body: Buffer },
): Record<string, string> {
  const signatures = secrets.map((secret) => {
    const mac = createHmac('sha256', Buffer.from(secret.slice(PREFIX.length), 'base64'))
    return `v1,${mac.update(`${id}.${timestamp}.`).update(body).digest('base64')}`
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  }
}
