/**
 * Who is at the other end of a TLS connection (RFC 3261 §26.3.1, RFC 5922): the options of both directions, and the check of
 * a gateway's certificate. Never is a connection used whose certificate was not verified.
 */
import { isIP } from 'node:net'
import {
  type ConnectionOptions,
  checkServerIdentity,
  createSecureContext,
  type PeerCertificate,
  type TlsOptions,
} from 'node:tls'
import type { Peer } from './transport.js'
import type { TlsSettings } from './transport-options.js'

const HANDSHAKE_MS = 10_000

/** For a connection to `peer`. SNI must be a name, never an address (RFC 6066 §3). */
export function clientTls(settings: TlsSettings, peer: Peer): ConnectionOptions {
  const name = settings.servername ?? peer.serverName ?? peer.address
  return {
    ...own(settings),
    ...(isIP(name) === 0 ? { servername: name } : {}),
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => identityProblem(name, certificate),
  }
}

/**
 * For connections that far ends open to us; null: without a certificate of our own there can be none. Where the carrier's
 * authority is named, a certificate that a far end shows must be of it.
 */
export function serverTls(settings: TlsSettings): TlsOptions | null {
  if (settings.cert === undefined || settings.key === undefined) return null
  return { ...own(settings), requestCert: true, rejectUnauthorized: false, handshakeTimeout: HANDSHAKE_MS }
}

/** Throws for texts that are no certificate or key, or do not fit together. */
export function checkTls(settings: TlsSettings): void {
  createSecureContext(own(settings))
}

function own({ ca, cert, key, minVersion = 'TLSv1.2' }: TlsSettings): {
  ca?: string
  cert?: string
  key?: string
  minVersion: 'TLSv1.2' | 'TLSv1.3'
} {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    minVersion,
  }
}

/**
 * RFC 5922 §7.1: a `sip:` URI among the subject's alternative names is the domain; else its DNS names and addresses say who
 * it is. §7.2 forbids wildcards, which carriers use all the same: they are taken as HTTPS takes them.
 */
function identityProblem(name: string, certificate: PeerCertificate): Error | undefined {
  const wanted = `uri:sip:${name}`.toLowerCase()
  const names = certificate.subjectaltname?.toLowerCase().split(', ') ?? []
  return names.includes(wanted) ? undefined : checkServerIdentity(name, certificate)
}
