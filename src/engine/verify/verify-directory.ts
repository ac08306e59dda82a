/** Verifies a data directory on which no engine runs; the caller holds its lock. Command line. */
import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { verifyAudit } from '../audit/verify-audit.js'
import { ENVIRONMENTS } from '../backup/instant.js'
import { EngineError } from '../contract/errors.js'
import { readFormat } from '../store/data-format.js'
import { Documents } from '../store/documents.js'
import { openEnvironment } from '../store/environment.js'
import { type Finding, Findings, messageOf } from './findings.js'
import { verifyFiles } from './verify-files.js'
import { type Counted, sizeOf, verifyRecords } from './verify-records.js'
import { verifySums } from './verify-sums.js'

export interface Verified {
  ok: boolean
  /** Of the data directory. */
  format: number
  records: number
  tables: Counted
  /** How many things are wrong, and the first of them. */
  problems: number
  findings: Finding[]
}

/** `progress`: octets of the records, about, and read. @throws EngineError CONFIG_INVALID: it is none, or of a later version; STORE_CORRUPT: a store's file is empty. */
export async function verifyDirectory(
  dataDir: string,
  progress: (bytes: number, bytesDone: number) => void,
): Promise<Verified> {
  for (const name of ENVIRONMENTS) requireStore(dataDir, name)
  const format = readFormat(dataDir)
  const findings = new Findings()
  const bytes = await sizeOf(dataDir)
  let done = 0
  const reading = verifyRecords(dataDir, findings)
  let step = await reading.next()
  for (; step.done !== true; step = await reading.next()) {
    done += step.value
    progress(Math.max(bytes, done), done)
  }
  await verifyRelations(dataDir, findings)
  const records = Object.values(step.value).flatMap((table) => Object.values(table))
  return {
    ok: findings.count === 0,
    format,
    records: records.reduce((sum, count) => sum + count, 0),
    tables: step.value,
    problems: findings.count,
    findings: findings.named,
  }
}

/** A file that is empty would be made an empty store by opening it, in which nothing is wrong. */
function requireStore(dataDir: string, name: string): void {
  const file = path.join(dataDir, name, 'data.mdb')
  if (!existsSync(file)) {
    throw new EngineError('CONFIG_INVALID', `${dataDir} is no data directory: there is no ${name}/data.mdb`)
  }
  if (statSync(file).size === 0) throw new EngineError('STORE_CORRUPT', `${file} is empty`)
}

async function verifyRelations(dataDir: string, findings: Findings): Promise<void> {
  const environment = openEnvironment(dataDir)
  const documents = new Documents(dataDir)
  try {
    for (const _ of verifySums(environment, findings));
    for (const _ of verifyFiles(dataDir, documents, findings));
    const chain = await verifyAudit(documents)
    if (chain.broken !== null) findings.add('audit', chain.broken.number, chain.broken.problem)
  } catch (error) {
    findings.add('store', 'all', `the tables could not be compared: ${messageOf(error)}`)
  } finally {
    await environment.root.close()
    await documents.close()
  }
}
