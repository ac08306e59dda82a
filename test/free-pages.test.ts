/** What was deleted is overwritten in LMDB's file, also where a freed page stands alone, and the file does not grow for it. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { RootDatabase } from 'lmdb'
import t, { type Test } from 'tap'
import { FreePages } from '../src/engine/privacy/free-pages.js'
import { openRoot } from '../src/engine/store/open-root.js'
import { tempDir } from './dispatch-harness.js'

const SECRET = 'a secret that nobody may find'
/** With the head of a page it fills one. */
const PAGE_VALUE_BYTES = 4_072
const RECORDS = 1_000

function openIn(t: Test): { root: RootDatabase; found(): number } {
  const folder = tempDir(t)
  const root = openRoot(folder, 'pages', { maxDbs: 4 })
  t.teardown(() => root.close())
  const file = path.join(folder, 'pages', 'data.mdb')
  return { root, found: () => readFileSync(file, 'latin1').split(SECRET).length - 1 }
}

function lastPage(root: RootDatabase): number {
  root.resetReadTxn()
  return (root.getStats() as { lastPageNumber: number }).lastPageNumber
}

t.test('nothing is left of what was deleted, though each of its pages lies between two in use', async (t) => {
  const { root, found } = openIn(t)
  const table = root.openDB<Buffer, number>({ name: 'records', encoding: 'binary' })
  const value = Buffer.alloc(PAGE_VALUE_BYTES, SECRET.padEnd(32))
  value.fill(0x2e, SECRET.length)
  await root.batch(() => {
    for (let n = 0; n < RECORDS; n++) table.put(n, value)
  })
  await root.batch(() => {
    for (let n = 0; n < RECORDS; n += 2) table.remove(n)
  })
  t.equal(found(), RECORDS, 'it is all there at first')
  const pages = await new FreePages(root, () => false).overwrite()
  t.ok(Number(pages) >= RECORDS / 2, `${pages} pages`)
  t.equal(found(), RECORDS / 2)
})

t.test('a file that is overwritten again and again stays about as large', async (t) => {
  const { root } = openIn(t)
  const table = root.openDB<Buffer, number>({ name: 'records', encoding: 'binary' })
  await root.batch(() => {
    for (let n = 0; n < RECORDS; n++) table.put(n, Buffer.alloc(PAGE_VALUE_BYTES))
  })
  await root.batch(() => {
    for (let n = 0; n < RECORDS; n++) table.remove(n)
  })
  const pages = new FreePages(root, () => false)
  await pages.overwrite()
  const first = lastPage(root)
  for (let run = 0; run < 10; run++) await pages.overwrite()
  const grown = lastPage(root) - first
  t.ok(grown <= 10 * 32, `${grown} pages more after ten times`)
})
