/**
 * SIGHUP: reads the configuration again and applies what can change under traffic: rate, window and binds of each carrier
 * that runs. Whatever else differs is named, and waits for a restart; healthy binds are never dropped.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../engine/config/schema.js'
import type { SmppCarrierConfig } from '../engine/config/smpp-carrier.js'
import type { CarrierPatch, CarrierView } from '../engine/contract/channel.js'

export interface Reload {
  /** Carrier id → its live change. */
  patches: Map<string, CarrierPatch>
  /** What a restart is needed for, in words. */
  waiting: string[]
}

const LIVE: (keyof SmppCarrierConfig)[] = ['ratePerSecond', 'window', 'binds']

export function planReload(before: Config, after: Config): Reload {
  const reload: Reload = { patches: new Map(), waiting: [] }
  const running = new Map(before.carriers.map((carrier) => [carrier.id, carrier]))
  for (const carrier of after.carriers) {
    const old = running.get(carrier.id)
    running.delete(carrier.id)
    if (old === undefined) reload.waiting.push(`carrier ${carrier.id} is new`)
    else planCarrier(reload, old, carrier)
  }
  for (const id of running.keys()) reload.waiting.push(`carrier ${id} is gone`)
  for (const key of ['dataDir', 'http', 'threads', 'logLevel', 'shutdownSeconds', 'routes'] as const) {
    if (!isDeepStrictEqual(before[key], after[key])) reload.waiting.push(`${key} differs`)
  }
  return reload
}

function planCarrier(reload: Reload, old: SmppCarrierConfig, carrier: SmppCarrierConfig): void {
  const { ratePerSecond = null, window, binds } = carrier
  if (LIVE.some((key) => old[key] !== carrier[key])) reload.patches.set(carrier.id, { ratePerSecond, window, binds })
  const keys = Object.keys({ ...old, ...carrier }) as (keyof SmppCarrierConfig)[]
  const differing = keys.filter((key) => !LIVE.includes(key) && !isDeepStrictEqual(old[key], carrier[key]))
  if (differing.length > 0) reload.waiting.push(`carrier ${carrier.id}: ${differing.join(', ')}`)
}

/** Applies the plan; gives one line for the operator. */
export async function applyReload(
  reload: Reload,
  patchCarrier: (id: string, change: CarrierPatch) => Promise<CarrierView>,
): Promise<string> {
  for (const [id, change] of reload.patches) await patchCarrier(id, change)
  const changed =
    reload.patches.size === 0 ? 'nothing changed live' : `changed live: ${[...reload.patches.keys()].join(', ')}`
  return reload.waiting.length === 0 ? changed : `${changed}; needs a restart: ${reload.waiting.join('; ')}`
}
