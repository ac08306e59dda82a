/**
 * The stores of the engine by themselves, in a process whose disk fails: one write of each kind, and a line on stdout for
 * each that is durable. argv: dataDir. Light, so that each single operation can be made to fail.
 */
import { mkdirSync, writeSync } from 'node:fs'
import { adminKey } from '../src/engine/accounts/admin-key.js'
import { DataSecret } from '../src/engine/accounts/data-secret.js'
import { applyChanges } from '../src/engine/contacts/contact-writer.js'
import { makeUploadFolder, receive, uploadPath } from '../src/engine/jobs/upload-file.js'
import { createLog } from '../src/engine/observe/log.js'
import { openStores } from '../src/engine/open-stores.js'
import { StorePulse } from '../src/engine/store/store-pulse.js'
import { watchStoreWrites } from '../src/engine/store/store-writes.js'
import { makeFailStop } from '../src/start-guard.js'
import { rangeRecord, sealedBlock } from './store-conformance.js'
import { FIRST, KEPT, SECOND, UPLOAD } from './store-work.js'

const dataDir = process.argv[2]!
mkdirSync(dataDir, { recursive: true })
const pulse = new StorePulse()
const fail = makeFailStop({ log: createLog('silent'), pulse })
watchStoreWrites(pulse, fail)

function durable(what: string): void {
  writeSync(1, `${what}\n`)
}

async function* body(): AsyncIterable<Buffer> {
  yield UPLOAD.subarray(0, UPLOAD.length / 2)
  yield UPLOAD.subarray(UPLOAD.length / 2)
}

async function work(): Promise<void> {
  durable(`admin ${adminKey(dataDir, undefined)}`)
  durable(`secret ${new DataSecret(dataDir).derive('test').toString('hex')}`)
  const { documents, store, contacts } = openStores(dataDir)
  await documents.write([
    { collection: 'things', key: ['a'], value: { n: 1 } },
    { collection: 'things', key: ['b'], value: { n: 2 } },
  ])
  durable('documents')
  const blocks = [sealedBlock(1, 5, { bytes: FIRST }), sealedBlock(2, 5, { bytes: SECOND })]
  store.append({ job: 5, blocks, range: rangeRecord(0, [1, 2]) })
  durable('range')
  await store.appendLater([{ job: 6, blocks: [sealedBlock(3, 6, { bytes: KEPT })], range: null }], [])
  durable('messages')
  applyChanges(contacts, [{ key: 447_710_000_001, mode: 'put', tags: ['one'] }], { account: 1, nowMs: 1 })
  durable('contact')
  await makeUploadFolder(dataDir)
  const aborted = new AbortController().signal
  await receive(body(), { file: uploadPath(dataDir, 'job_1'), onWritten: async () => {}, aborted })
  durable('upload')
  store.discard(5)
  durable('discarded')
  await documents.remove('things', ['a'])
  durable('removed')
}

try {
  await work()
  durable('all')
  process.exit(0)
} catch (error) {
  // What the engine answers with an error is refused here, and nothing of it is counted.
  fail(error)
}
