/** Small records have a checksum: a changed octet is found and named, and what an earlier version wrote is read as it was. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from '@msgpack/msgpack'
import t from 'tap'
import { NumberFilter } from '../src/engine/base/number-filter.js'
import { decodeContact, encodeContact, newContact } from '../src/engine/contacts/contact-record.js'
import type { MessageRef } from '../src/engine/contract/message.js'
import { Documents } from '../src/engine/store/documents.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import { putExtras, readExtras } from '../src/engine/store/extras.js'
import { packed, unpacked } from '../src/engine/store/packed-document.js'
import { openReasons, SuppressionCheck, sealReasons } from '../src/engine/store/suppression-table.js'

/** Every octet of the record once with one bit changed. */
function* flipped(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at++) {
    const copy = Buffer.from(bytes)
    copy[at]! ^= 1 << (at % 8)
    yield copy
  }
}

function isRefused(read: () => unknown): boolean {
  try {
    read()
    return false
  } catch {
    return true
  }
}

function folderOf(t: Tap): string {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-checked-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

interface Tap {
  teardown(work: () => void): void
}

t.test('a changed octet of a document, a contact or a suppression is found, wherever it is', async (t) => {
  const document = packed({ name: 'acme', list: [1, 2, 3], text: 'ä'.repeat(40) })
  const contact = encodeContact(newContact({ number: 447700900123, email: 'a@example.com' }, 1_700_000_000_000))
  const reasons = sealReasons([{ source: 'api', atMs: 1_700_000_000_000, text: 'STOP' }])
  const read: [Buffer, (bytes: Buffer) => unknown][] = [
    [document, (bytes) => unpacked(bytes, 'it')],
    [contact, decodeContact],
    [reasons, openReasons],
  ]
  for (const [bytes, open] of read) {
    t.doesNotThrow(() => open(bytes), 'as it was written it is read')
    t.ok(
      [...flipped(bytes)].every((changed) => isRefused(() => open(changed))),
      `${bytes.length} octets are guarded`,
    )
  }
})

t.test('a damaged document is named by its collection and key', async (t) => {
  const folder = folderOf(t)
  const documents = new Documents(folder)
  await documents.put('templates', [1, 'welcome'], { text: 'Hello' })
  await documents.put('templates', [1, 'other'], { text: 'Hi' })
  await documents.close()
  const { open } = await import('lmdb')
  const root = open({ path: join(folder, 'documents'), encoding: 'binary' })
  const table = root.openDB<Buffer, (string | number)[]>({ name: 'documents', encoding: 'binary' })
  const bytes = Buffer.from(table.getBinary(['templates', 1, 'welcome'])!)
  bytes[bytes.length - 1]! ^= 1
  await table.put(['templates', 1, 'welcome'], bytes)
  await root.close()
  const again = new Documents(folder)
  t.throws(() => again.get('templates', [1, 'welcome']), { code: 'STORE_CORRUPT', message: /templates\/1\/welcome/ })
  t.throws(() => again.list('templates'), { code: 'STORE_CORRUPT', message: /templates\/1\/welcome/ })
  t.same(again.get('templates', [1, 'other']), { text: 'Hi' }, 'its neighbours are read')
  await again.close()
})

t.test('records of version 0.1, which had no checksum, are read', async (t) => {
  const folder = folderOf(t)
  const environment = openEnvironment(folder)
  t.teardown(() => environment.root.close())
  t.same(unpacked(Buffer.from(encode({ a: 1 })), 'it'), { a: 1 })
  t.same(openReasons(Buffer.from(encode([{ source: 'api', atMs: 1 }]))), [{ source: 'api', atMs: 1 }])
  const ref = 256 as MessageRef
  await environment.extras.put(ref, Buffer.from(encode({ clientReference: 'a' })))
  t.same(readExtras(environment, ref), { clientReference: 'a' })
  environment.root.transactionSync(() => {
    putExtras(environment, { ref, account: 1, clientReference: 'b' })
  })
  environment.root.resetReadTxn()
  t.same(readExtras(environment, ref), { clientReference: 'b' }, 'and written with one')
})

t.test('a number whose suppression is damaged is not sent to', async (t) => {
  const environment = openEnvironment(folderOf(t))
  t.teardown(() => environment.root.close())
  const filter = NumberFilter.sized(1)
  filter.add(1, 447700900123)
  const bytes = sealReasons([{ source: 'api', atMs: 1, sender: 'acme' }])
  bytes[bytes.length - 1]! ^= 1
  await environment.suppressions.put([1, 447700900123], bytes)
  const check = new SuppressionCheck(environment, filter)
  t.equal(check.has(1, 447700900123, 'OTHER'), true)
  t.equal(check.has(1, 447700900124, 'OTHER'), false)
})
