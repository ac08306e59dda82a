/** How a connection to a relay is opened, in nodemailer's words. Dispatcher thread, once per connection. */
import type { SMTPConnectionOptions } from 'nodemailer/lib/smtp-connection'
import type { SmtpCarrierConfig } from '../engine/config/smtp-carrier.js'

const CONNECT_MS = 30_000
const REPLY_BYTES = 64 * 1024

export function connectOptions(carrier: SmtpCarrierConfig): SMTPConnectionOptions {
  const { host, port, tls, tlsOptions = {}, helo, responseTimeoutMs } = carrier
  const { minVersion = 'TLSv1.2', ...rest } = tlsOptions
  return {
    host,
    port,
    name: helo,
    secure: tls === 'implicit',
    requireTLS: tls === 'required',
    ignoreTLS: tls === 'none',
    opportunisticTLS: tls === 'opportunistic',
    // RFC 7435: where plain text would do, a certificate that cannot be verified is better than none.
    tls: { ...rest, minVersion, rejectUnauthorized: tls !== 'opportunistic' },
    connectionTimeout: Math.min(CONNECT_MS, responseTimeoutMs),
    greetingTimeout: Math.min(CONNECT_MS, responseTimeoutMs),
    socketTimeout: responseTimeoutMs,
    maxResponseSize: REPLY_BYTES,
    logger: false,
  }
}

/** Keys of the configuration without which a connection would have been opened otherwise. */
export const OF_CONNECTIONS: readonly (keyof SmtpCarrierConfig)[] = [
  ...(['host', 'port', 'tls', 'tlsOptions', 'user', 'password', 'helo', 'responseTimeoutMs'] as const),
]
