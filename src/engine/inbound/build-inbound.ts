/** The desk of subscribers' messages, as the configuration wants it. Main thread. */
import type { Accounts } from '../accounts/accounts.js'
import { isSmpp } from '../config/carrier.js'
import type { Config } from '../config/schema.js'
import { BlockReader } from '../store/block.js'
import { type CarrierInbound, type InboundDeps, InboundDesk } from './inbound-desk.js'
import { Routing, type RoutingDeps } from './routing.js'

const DAY_MS = 86_400_000

/** For carriers that are configured no more, and of which something is still kept. */
const PLAIN: CarrierInbound = {
  defaultAlphabet: 'gsm7',
  gsm7DataCoding: 0,
  gsm7Packed: false,
  ucs2ByteOrder: 'sniff',
  trailingNul: 'auto',
}

/** What is said of each carrier, by its id. */
export function inboundCarriers({ carriers }: Pick<Config, 'carriers'>): (id: string) => CarrierInbound {
  const known = new Map<string, CarrierInbound>()
  for (const { id, defaultAlphabet, gsm7DataCoding, gsm7Packed, inboundAccount, inbound } of carriers.filter(isSmpp)) {
    known.set(id, { defaultAlphabet, gsm7DataCoding, gsm7Packed, inboundAccount, ...inbound })
  }
  return (id) => known.get(id) ?? PLAIN
}

export interface RoutingSources {
  accounts: Accounts
  /** null: gone. */
  block(block: number): Buffer | null
}

function routingDeps({ accounts, block }: RoutingSources): RoutingDeps {
  return {
    accounts: () => accounts.reachable,
    account: (number) => accounts.byNumber(number),
    find: (id) => accounts.find(id),
    block: (number) => {
      const bytes = block(number)
      const reader = bytes === null ? null : new BlockReader(bytes)
      return reader?.intact === true ? reader : null
    },
  }
}

export function buildInbound(
  config: Pick<Config, 'carriers' | 'inbound'>,
  deps: Pick<InboundDeps, 'store' | 'clock' | 'log' | 'metrics' | 'alongside' | 'read' | 'fail'> & RoutingSources,
): InboundDesk {
  const { partsTimeoutSeconds, retentionDays } = config.inbound
  const routing = new Routing(routingDeps(deps))
  return new InboundDesk({
    ...deps,
    carrier: inboundCarriers(config),
    route: (item, came) => routing.route(item, came),
    partsTimeoutMs: partsTimeoutSeconds * 1000,
    retentionMs: retentionDays * DAY_MS,
  })
}
