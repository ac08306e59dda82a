/** The desk of subscribers' messages, as the configuration wants it. Main thread. */
import type { Config } from '../config/schema.js'
import type { Clock } from '../contract/clock.js'
import type { Log } from '../contract/log.js'
import type { Metrics } from '../contract/metrics.js'
import type { InboundStore } from '../store/inbound-store.js'
import { type CarrierInbound, InboundDesk } from './inbound-desk.js'

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
  for (const { id, defaultAlphabet, gsm7DataCoding, gsm7Packed, inbound } of carriers) {
    known.set(id, { defaultAlphabet, gsm7DataCoding, gsm7Packed, ...inbound })
  }
  return (id) => known.get(id) ?? PLAIN
}

export function buildInbound(
  config: Pick<Config, 'carriers' | 'inbound'>,
  deps: { store: InboundStore; clock: Clock; log: Log; metrics: Metrics; fail(error: unknown): void },
): InboundDesk {
  const { partsTimeoutSeconds, retentionDays } = config.inbound
  return new InboundDesk({
    ...deps,
    carrier: inboundCarriers(config),
    partsTimeoutMs: partsTimeoutSeconds * 1000,
    retentionMs: retentionDays * DAY_MS,
  })
}
