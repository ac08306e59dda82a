/**
 * Verification finds what is damaged and names it: each record whose octets changed, each sum that does not add up, each file
 * that is missing; and nothing where nothing is wrong. On what a real engine has stored.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type ENVIRONMENTS, openRaw, rawTable } from '../src/engine/backup/instant.js'
import { decodeCounts, encodeCounts } from '../src/engine/store/counts-record.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import type { Verified } from '../src/engine/verify/verify-directory.js'
import { verifyDirectory } from '../src/engine/verify/verify-directory.js'
import { run } from './cli-run.js'
import { csvOf } from './engine-harness.js'
import { reached, startWhole } from './whole-engine.js'

/** Tables whose records have a checksum of their own, as the engine of this test fills them. */
const CHECKED = [
  'queue/blocks',
  'queue/counts',
  'queue/extras',
  'queue/money',
  'queue/ranges',
  'queue/states',
  'queue/suppressions',
  'queue/usage',
  'documents/documents',
  'contacts/records',
  'contacts/accounts',
]

/** A data directory with something of most kinds in it; its engine has stopped. */
async function filled(t: Test): Promise<string> {
  const kept = mkdtempSync(join(tmpdir(), 'trunkline-verify-'))
  t.teardown(() => rmSync(kept, { recursive: true, force: true }))
  const whole = await startWhole(t)
  const { call } = await whole.account('acme')
  const { json: job } = await call('POST', '/v1/jobs', { body: { text: 'Hi ~name~', from: 'ACME' } })
  await call('PUT', `/v1/jobs/${job.id}/recipients`, { body: csvOf(600), headers: { 'content-type': 'text/csv' } })
  await reached(call, job.id, 'finished')
  const single = { to: '+447712345678', text: 'Hello', from: 'ACME', clientReference: 'mine' }
  await call('POST', '/v1/messages', { body: single })
  await call('PUT', '/v1/contacts/+447712345679', { body: { email: 'a@example.com', tags: ['new'] } })
  await call('PUT', '/v1/suppressions/+447712345670', { body: {} })
  await call('PUT', '/v1/templates/welcome', { body: { text: 'Welcome' } })
  await whole.restart(() => cpSync(whole.folder, kept, { recursive: true }))
  return kept
}

async function look(folder: string): Promise<Verified> {
  return await verifyDirectory(folder, () => {})
}

/** A copy of the directory in which `change` was done. */
async function changed(t: Test, folder: string, change: (copy: string) => Promise<void>): Promise<Verified> {
  const copy = mkdtempSync(join(tmpdir(), 'trunkline-verify-'))
  t.teardown(() => rmSync(copy, { recursive: true, force: true }))
  cpSync(folder, copy, { recursive: true })
  await change(copy)
  const verified = await look(copy)
  rmSync(copy, { recursive: true, force: true })
  return verified
}

/** The last octet of the first record of a table. */
async function damage(folder: string, place: string): Promise<void> {
  const [name, table] = place.split('/') as [(typeof ENVIRONMENTS)[number], string]
  const root = openRaw(folder, name)
  const records = rawTable(root, table)
  const [first] = [...records.getRange({ limit: 1 })]
  const bytes = Buffer.from(first!.value)
  bytes[bytes.length - 1]! ^= 0x10
  await records.put(first!.key, bytes)
  await root.close()
}

t.test('on what an engine stored', async (t) => {
  const folder = await filled(t)

  await t.test('nothing is wrong', async (t) => {
    const { code, stdout } = await run(['verify', '--data-dir', folder, '--json'])
    const verified = JSON.parse(stdout) as Verified
    t.equal(code, 0)
    t.match(verified, { ok: true, problems: 0, findings: [] })
    for (const place of CHECKED) {
      const [name, table] = place.split('/') as [string, string]
      t.ok(verified.tables[name]![table]! > 0, `${place} has records`)
    }
  })

  for (const place of CHECKED) {
    await t.test(`a damaged record of ${place} is named`, async (t) => {
      const { ok, findings } = await changed(t, folder, (copy) => damage(copy, place))
      t.equal(ok, false)
      t.ok(
        findings.some(({ where, problem }) => where === place && problem !== ''),
        JSON.stringify(findings),
      )
    })
  }

  await t.test('a damaged message is named by its id, and by the command, which ends with 1', async (t) => {
    const copy = mkdtempSync(join(tmpdir(), 'trunkline-verify-'))
    t.teardown(() => rmSync(copy, { recursive: true, force: true }))
    cpSync(folder, copy, { recursive: true })
    await damage(copy, 'queue/blocks')
    const { code, stdout } = await run(['verify', '--data-dir', copy])
    t.equal(code, 1)
    t.match(stdout, /queue\/blocks 1: 1 of its \d+ messages does not match its checksum \(msg_[0-9a-z]{11}\)/)
  })

  await t.test('counts that are whole and wrong are named with their job', async (t) => {
    const { findings } = await changed(t, folder, async (copy) => {
      const environment = openEnvironment(copy)
      const [first] = [...environment.counts.getRange({ limit: 1 })]
      const counts = decodeCounts(first!.value)
      counts.partsSent++
      await environment.counts.put(first!.key, encodeCounts(counts))
      await environment.root.close()
    })
    t.match(findings, [{ where: 'queue/counts', problem: /counts \d+ parts sent, and its blocks have \d+/ }])
  })

  await t.test('a block that is gone is missed by its range', async (t) => {
    const { findings } = await changed(t, folder, async (copy) => {
      const environment = openEnvironment(copy)
      const [first] = [...environment.blocks.getKeys({ limit: 1 })]
      await environment.blocks.remove(first!)
      await environment.root.close()
    })
    t.ok(findings.some(({ where, problem }) => where === 'queue/ranges' && /not there/.test(problem)))
  })

  await t.test('an audit record that is gone is missed', async (t) => {
    const { findings } = await changed(t, folder, async (copy) => {
      const root = openRaw(copy, 'documents')
      const table = root.openDB<Buffer, (string | number)[]>({ name: 'documents', encoding: 'binary' })
      await table.remove(['audit', 1])
      await root.close()
    })
    t.match(findings, [{ where: 'audit', problem: /missing/ }])
  })

  await t.test('a store that is cut off or has no tree any more ends in a finding, not in a signal', async (t) => {
    for (const break_ of [cutOff, withoutTree]) {
      const copy = mkdtempSync(join(tmpdir(), 'trunkline-verify-'))
      t.teardown(() => rmSync(copy, { recursive: true, force: true }))
      cpSync(folder, copy, { recursive: true })
      break_(join(copy, 'queue', 'data.mdb'))
      const { code, stdout } = await run(['verify', '--data-dir', copy, '--json'])
      t.equal(code, 1, break_.name)
      const { ok, findings } = JSON.parse(stdout) as Verified
      t.notOk(ok)
      t.ok(findings.length > 0, 'and it is named')
    }
  })

  await t.test('an empty store is refused and stays empty', async (t) => {
    await changed(t, folder, async (copy) => {
      const file = join(copy, 'documents', 'data.mdb')
      truncateSync(file, 0)
      await t.rejects(look(copy), { code: 'STORE_CORRUPT', message: /documents\/data\.mdb is empty/ })
      t.equal(statSync(file).size, 0)
      cpSync(join(folder, 'documents', 'data.mdb'), file)
    })
  })

  await t.test('a missing secret is named', async (t) => {
    const { findings } = await changed(t, folder, async (copy) => rmSync(join(copy, 'secret.key')))
    t.match(findings, [{ where: 'files', key: 'secret.key', problem: /missing/ }])
  })

  await t.test('a directory of a later version is refused, and so is what is none', async (t) => {
    await t.rejects(
      changed(t, folder, async (copy) => later(copy)),
      { code: 'CONFIG_INVALID', message: /format 99/ },
    )
    const { code, stderr } = await run(['verify', '--data-dir', tmpdir()])
    t.equal(code, 1)
    t.match(stderr, /is no data directory/)
  })
})

function cutOff(file: string): void {
  truncateSync(file, 3 * 4096)
}

/** All after the two pages at the beginning. */
function withoutTree(file: string): void {
  const bytes = readFileSync(file)
  bytes.fill(0xff, 2 * 4096)
  writeFileSync(file, bytes)
}

async function later(folder: string): Promise<void> {
  writeFileSync(join(folder, 'format.json'), JSON.stringify({ format: 99, writtenBy: '9.0.0' }))
}
