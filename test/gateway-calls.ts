/** What the ledger of a simulated gateway holds. */
import { readFileSync } from 'node:fs'
import type { CallEntry } from '../src/sip/simulator/gateway-ledger.js'

/** Calls that are over, in order. */
export function callsIn(ledgerPath: string): CallEntry[] {
  return readFileSync(ledgerPath, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as CallEntry)
}
