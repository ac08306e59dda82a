/**
 * Addresses of a name, by the hosts file and then by DNS. Not by getaddrinfo: that holds a thread of libuv's pool for as
 * long as a dead name server is silent, and the same threads write the store. Search domains therefore do not apply.
 */
import { Resolver } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'

const TIMEOUT_MS = 3_000
const TRIES = 2
const HOSTS_FILE = process.platform === 'win32' ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts'

/** All addresses, at least one, IPv4 first. Rejects when there are none. */
export type Resolve = (host: string) => Promise<string[]>

/** Asks the name servers of the system, or these alone: `192.0.2.1:53`. */
export function dnsClient(servers?: readonly string[]): Resolver {
  const dns = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  if (servers !== undefined) dns.setServers(servers)
  return dns
}

/** One question at a time for each name, however many ask. */
export function resolver(dns: Resolver = dnsClient()): Resolve {
  const asking = new Map<string, Promise<string[]>>()
  return async (host) => {
    const known = asking.get(host)
    if (known !== undefined) return await known
    const answer = addressesOf(dns, host).finally(() => asking.delete(host))
    asking.set(host, answer)
    return await answer
  }
}

async function addressesOf(dns: Resolver, host: string): Promise<string[]> {
  const listed = await inHostsFile(host)
  if (listed.length > 0) return listed.sort((a, b) => isIP(a) - isIP(b))
  if (host === 'localhost') return ['127.0.0.1', '::1']
  const answers = await Promise.allSettled([dns.resolve4(host), dns.resolve6(host)])
  const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  if (addresses.length > 0) return addresses
  throw (answers[0] as PromiseRejectedResult).reason ?? new Error('no address')
}

async function inHostsFile(host: string): Promise<string[]> {
  const text = await readFile(HOSTS_FILE, 'utf8').catch(() => '')
  const addresses: string[] = []
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (isIP(address!) !== 0 && names.some((name) => name.toLowerCase() === host)) addresses.push(address!)
  }
  return addresses
}
