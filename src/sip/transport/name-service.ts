/** What the DNS says of a name (RFC 3263 §4 asks for SRV, then A and AAAA). Nothing here is remembered; dispatcher thread. */
import type { Resolver } from 'node:dns/promises'
import { dnsClient, type Resolve, resolver } from '../../engine/base/resolver.js'

export interface Service {
  name: string
  port: number
  priority: number
  weight: number
}

export interface NameService {
  /** Empty: there is no such service. Rejects when that could not be found out. */
  services(name: string): Promise<Service[]>
  /** By the hosts file and the DNS. */
  addresses: Resolve
}

/** Words of a server that it knows the name, or its zone, and that there is nothing there. */
const NOTHING_THERE: readonly string[] = ['ENOTFOUND', 'ENODATA']

/** `servers`: see `dnsClient`. */
export function nameService(servers?: readonly string[]): NameService {
  const dns = dnsClient(servers)
  return { services: (name) => servicesBy(dns, name), addresses: resolver(dns) }
}

async function servicesBy(dns: Resolver, name: string): Promise<Service[]> {
  try {
    return await dns.resolveSrv(name)
  } catch (error) {
    if (NOTHING_THERE.includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}
