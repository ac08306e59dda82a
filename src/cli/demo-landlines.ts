/** What the demo tells of its calls: by the engine's report, and by the account that the simulated gateway kept for itself. */
import { createReadStream, readFileSync } from 'node:fs'
import { parse } from 'csv-parse'
import type { CallEntry } from '../sip/simulator/gateway-ledger.js'

export interface Landlines {
  /** Numbers that were to be called. */
  numbers: number
  /** By state, with its reason where it has one: `delivered`, `undelivered BUSY`. */
  outcomes: Record<string, number>
  /** Calls that the gateway saw: more than numbers where somebody was called again. */
  callsSeenByGateway: number
  /** Delivered by the report, but no telephone that was answered. */
  notHeard: number
}

/** Telephones of the clinic that do not simply listen, by their last digits; the others hear the message to its end. */
export const CLINIC_ENDINGS = '79460007=busy:1,79460013=busy,79460027=invalid,79460041=hangup,79460058=press9'

export async function landlinesOf(report: string, ledger: string): Promise<Landlines> {
  const calls = callsOf(ledger)
  const heard = new Set(
    calls.filter(({ answered, heardMs }) => answered !== null && heardMs > 0).map(({ number }) => number),
  )
  const landlines: Landlines = { numbers: 0, outcomes: {}, callsSeenByGateway: calls.length, notHeard: 0 }
  for await (const record of createReadStream(report).pipe(parse({ columns: true, bom: true }))) {
    const { channel, state, reason, to } = record as Record<string, string>
    if (channel !== 'voice') continue
    const outcome = reason === '' ? state! : `${state} ${reason}`
    landlines.numbers++
    landlines.outcomes[outcome] = (landlines.outcomes[outcome] ?? 0) + 1
    if (state === 'delivered' && !heard.has(to!.replace(/\D/g, ''))) landlines.notHeard++
  }
  return landlines
}

function callsOf(ledger: string): CallEntry[] {
  return readFileSync(ledger, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as CallEntry)
}
