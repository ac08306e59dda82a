/**
 * Which time zones a number may be in, by its prefix. A number is in one of them, and nobody knows in which: mobile numbers
 * of a country with several zones are in any of these. The table is compiled when it is first asked, in each thread.
 */
import { PrefixTrie } from '../base/by-prefix.js'
import { zoneName } from '../base/zone.js'
import { ZONE_ROWS } from './zone-data.generated.js'

/** One object for the same zones, so that what is reckoned for it is found by it. */
export interface ZoneSet {
  /** IANA. */
  readonly zones: readonly string[]
  /** False: the numbers of no country, such as satellite phones; all zones that there are. */
  readonly isKnown: boolean
}

const SINGLES_MAX = 1_000

let trie: PrefixTrie<{ prefix: string; set: ZoneSet }> | null = null
const singles = new Map<string, ZoneSet>()

function compiled(): PrefixTrie<{ prefix: string; set: ZoneSet }> {
  const made = new PrefixTrie<{ prefix: string; set: ZoneSet }>()
  const all = new Set<string>()
  for (const [zones, prefixes] of ZONE_ROWS) {
    const set: ZoneSet = { zones: zones.split(' '), isKnown: true }
    for (const zone of set.zones) all.add(zone)
    for (const prefix of prefixes.split(' ')) made.add({ prefix, set })
  }
  made.add({ prefix: '', set: { zones: [...all], isKnown: false } })
  return made
}

/** `digits`: E.164 without '+'. */
export function zonesOfNumber(digits: string): ZoneSet {
  trie ??= compiled()
  return trie.find(digits)!.set
}

/** Of a recipient whose zone is known; null: there is no such zone. */
export function zoneSet(zone: string): ZoneSet | null {
  const known = singles.get(zone)
  if (known !== undefined) return known
  const name = zoneName(zone)
  if (name === null) return null
  if (singles.size >= SINGLES_MAX) singles.clear()
  const set = (name === zone ? null : zoneSet(name)) ?? { zones: [name], isKnown: true }
  singles.set(zone, set)
  return set
}
