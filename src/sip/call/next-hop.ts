/**
 * Where a request within a dialog is sent (RFC 3261 §8.1.2, §12.2.1.1): the address of its first Route or, without routes,
 * of the far end's Contact. Nothing is looked up while a call is on: a name, and an address that cannot be meant, stand
 * for the gateway that was dialled.
 */
import { isIP } from 'node:net'
import { parseSipUri, type SipUri } from '../message/uri.js'
import type { Peer, TransportName } from '../transport/transport.js'

const PORT: Readonly<Record<TransportName, number>> = { udp: 5060, tcp: 5060, tls: 5061 }

/** The machine itself. */
const OWN = /^(?:127\.|::1$)/
/** Inside networks: RFC 1918, RFC 6598, RFC 4193, link-local. */
const INSIDE =
  /^(?:10\.|172\.(?:1[6-9]|2\d|3[01])\.|192\.168\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|169\.254\.|f[cd]|fe[89ab])/i

/** `dialled`: the gateway to which the INVITE went. */
export function nextHop(uriText: string, dialled: Peer): Peer {
  const uri = parseSipUri(uriText)
  if (uri === null) return dialled
  // `maddr` is not followed: nobody may make us send where he likes.
  const { host: address } = uri
  if (!isReachable(address, dialled.address)) return dialled
  const transport = transportOf(uri, dialled.transport)
  const port = uri.port || PORT[transport]
  return { ...dialled, transport, address, port }
}

/** A gateway that names its inside address, or localhost, in a Contact is reached where it was dialled. */
function isReachable(address: string, dialled: string): boolean {
  if (isIP(address) === 0 || address === '0.0.0.0' || address === '::') return false
  if (OWN.test(address)) return OWN.test(dialled)
  return !INSIDE.test(address) || INSIDE.test(dialled) || OWN.test(dialled)
}

/** As its URI says; else as the gateway was dialled, which is also the lower bound: a call over TLS stays on TLS. */
function transportOf({ scheme, parameters }: SipUri, dialled: TransportName): TransportName {
  if (dialled === 'tls' || scheme === 'sips') return 'tls'
  const named = parameters.get('transport')?.toLowerCase()
  return named === 'udp' || named === 'tcp' || named === 'tls' ? named : dialled
}
