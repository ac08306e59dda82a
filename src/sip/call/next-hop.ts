/**
 * Where a request within a dialog is sent (RFC 3261 §8.1.2, §12.2.1.1): the address of its first Route or, without routes,
 * of the far end's Contact. Nothing is looked up while a call is on: a name, and an address that cannot be meant, stand
 * for the gateway that was dialled.
 */
import { BlockList, isIP, isIPv6 } from 'node:net'
import { parseSipUri, type SipUri } from '../message/uri.js'
import type { Peer, TransportName } from '../transport/transport.js'

const PORT: Readonly<Record<TransportName, number>> = { udp: 5060, tcp: 5060, tls: 5061 }

const own = new BlockList()
own.addSubnet('127.0.0.0', 8, 'ipv4')
own.addAddress('::1', 'ipv6')
/** Addresses of inside networks (RFC 1918, RFC 6598, RFC 4193, link-local), and of the machine itself. */
const inside = new BlockList()
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['127.0.0.0', 8],
] as const) {
  inside.addSubnet(network, prefix, 'ipv4')
}
inside.addSubnet('fc00::', 7, 'ipv6')
inside.addSubnet('fe80::', 10, 'ipv6')
inside.addAddress('::1', 'ipv6')

/** `dialled`: the gateway to which the INVITE went. */
export function nextHop(uriText: string, dialled: Peer): Peer {
  const uri = parseSipUri(uriText)
  if (uri === null) return dialled
  const address = uri.parameters.get('maddr') ?? uri.host
  if (!isReachable(address, dialled.address)) return dialled
  const transport = transportOf(uri, dialled.transport)
  const port = uri.port || PORT[transport]
  return { ...dialled, transport, address, port }
}

/** A gateway that names its inside address, or localhost, in a Contact is reached where it was dialled. */
function isReachable(address: string, dialled: string): boolean {
  if (isIP(address) === 0 || address === '0.0.0.0' || address === '::') return false
  if (isIn(own, address)) return isIn(own, dialled)
  return !isIn(inside, address) || isIn(inside, dialled)
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

/** As its URI says; else as the gateway was dialled, which is also the lower bound: a call over TLS stays on TLS. */
function transportOf({ scheme, parameters }: SipUri, dialled: TransportName): TransportName {
  if (dialled === 'tls' || scheme === 'sips') return 'tls'
  const named = parameters.get('transport')?.toLowerCase()
  return named === 'udp' || named === 'tcp' || named === 'tls' ? named : dialled
}
