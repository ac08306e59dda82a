/** What a compaction left half written when it was killed is gone with the next start, whether anything was erased or not. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { timeout } from './acceptance-run.js'
import { startWhole } from './whole-engine.js'

t.setTimeout(timeout)

t.test('a copy that nobody finished is removed at the start, and the stores are as they were', async (t) => {
  const whole = await startWhole(t)
  const { call } = await whole.account('acme')
  t.equal((await call('PUT', '/v1/suppressions/+447712345678', { body: { note: 'asked' } })).status, 200)
  t.equal((await call('PUT', '/v1/contacts/+447712345679', { body: { attributes: { name: 'Ann' } } })).status, 200)
  const copies = ['queue', 'documents', 'contacts'].map((name) => path.join(whole.folder, name, 'compacted'))
  await whole.restart(() => {
    for (const copy of copies) {
      mkdirSync(copy)
      writeFileSync(path.join(copy, 'data.mdb'), 'half a store that names +447712345678')
    }
  })
  t.same(copies.filter(existsSync), [], 'no copy is left')
  t.equal((await call('GET', '/v1/suppressions/+447712345678')).status, 200)
  t.equal((await call('GET', '/v1/contacts/+447712345679')).status, 200)
})
