/** Reads every record of every table, in the order of the keys, and finds each again by its key. Any process that holds the directory. */
import * as lmdb from 'lmdb'
import { ENVIRONMENTS, openRaw, type RawTable, rawTable } from '../backup/instant.js'
import { type Findings, messageOf } from './findings.js'
import { type Check, RECORD_CHECKS } from './record-checks.js'

/** Exported by lmdb, and missing in its types. */
const keyOf = (lmdb as unknown as { bufferToKeyValue(key: Buffer): unknown }).bufferToKeyValue
/** Octets between two signs of life. */
const STEP_BYTES = 8 << 20

/** Entries by environment and table. */
export type Counted = Record<string, Record<string, number>>

/** Octets of all tables, about. */
export async function sizeOf(dataDir: string): Promise<number> {
  let bytes = 0
  for (const name of ENVIRONMENTS) {
    const root = openRaw(dataDir, name)
    for (const table of root.getKeys()) {
      const stats = rawTable(root, String(table)).getStats() as Record<string, number>
      const { pageSize = 4096, treeLeafPageCount = 0, overflowPages = 0 } = stats
      bytes += pageSize * (treeLeafPageCount + overflowPages)
    }
    await root.close()
  }
  return bytes
}

/** Yields the octets of each step. */
export async function* verifyRecords(dataDir: string, findings: Findings): AsyncGenerator<number, Counted> {
  const counted: Counted = {}
  for (const name of ENVIRONMENTS) {
    const root = openRaw(dataDir, name)
    const counts: Record<string, number> = {}
    counted[name] = counts
    for (const key of root.getKeys()) {
      const table = String(key)
      counts[table] = yield* verifyTable({
        ...{ where: `${name}/${table}`, table: rawTable(root, table), findings },
        check: RECORD_CHECKS[name]?.[table] ?? (() => null),
      })
    }
    await root.close()
  }
  return counted
}

interface Verified {
  where: string
  table: RawTable
  check: Check
  findings: Findings
}

function* verifyTable(verified: Verified): Generator<number, number> {
  const { where, table, findings } = verified
  let entries = 0
  let bytes = 0
  let before: Buffer | null = null
  try {
    for (const { key, value } of table.getRange({})) {
      entries++
      bytes += key.length + value.length
      if (before !== null && Buffer.compare(before, key) >= 0) findings.add(where, shown(key), 'stands out of order')
      before = key
      verifyRecord(verified, key, value)
      if (bytes < STEP_BYTES) continue
      yield bytes
      bytes = 0
    }
    const { entryCount } = table.getStats() as { entryCount: number }
    if (entryCount !== entries) {
      findings.add(where, 'all', `has ${entries} records that can be found, and should have ${entryCount}`)
    }
  } catch (error) {
    findings.add(
      where,
      before === null ? 'the first' : shown(before),
      `cannot be read on from here: ${messageOf(error)}`,
    )
  }
  yield bytes
  return entries
}

function verifyRecord({ where, table, check, findings }: Verified, key: Buffer, value: Buffer): void {
  const name = shown(key)
  try {
    const wrong = check(value, name)
    if (wrong !== null) findings.add(where, name, wrong.problem, wrong.concerns)
  } catch (error) {
    findings.add(where, name, messageOf(error))
  }
  if (!table.doesExist(key)) findings.add(where, name, 'is not found by its key')
}

function shown(key: Buffer): unknown {
  try {
    return keyOf(key)
  } catch {
    return key.toString('hex')
  }
}
