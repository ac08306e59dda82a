/** The drop folder over the real engine, store and a simulated carrier: files in, messages out, files away. */
import { existsSync } from 'node:fs'
import t from 'tap'
import { clients, startDrops } from './drop-support.js'

t.test('a dropped file is sent, and lies in processed/ with a summary, its bad rows and the report', async (t) => {
  const stand = await startDrops(t)
  await stand.until(() => existsSync(stand.path('acme', 'processed')) && existsSync(stand.path('acme', 'error')))
  stand.put('acme', 'clients.csv', `${clients(5)}12,Nobody\n+447710000001,Twice\n`)
  const drop = await stand.drop('clients.csv')
  t.match(drop, {
    ...{ state: 'done', account: 'acme', profile: 'default', storedAs: 'processed/clients.csv', jobState: 'finished' },
    ...{ rows: 7, accepted: 5, rejected: 1, duplicate: 1, sent: 5, delivered: 5, error: null },
    rejectedByReason: { INVALID_NUMBER: 1, DUPLICATE: 1 },
  })
  t.strictSame(stand.names('acme'), [], 'it is taken out of the folder')
  t.strictSame(stand.names('acme', 'error'), [])
  const names = ['clients.csv', 'clients.csv.rejects.csv', 'clients.csv.report.csv', 'clients.csv.summary.txt']
  t.strictSame(stand.names('acme', 'processed'), names)
  t.match(stand.read('acme', 'processed', 'clients.csv.rejects.csv'), /INVALID_NUMBER[\s\S]*DUPLICATE/)
  t.equal(stand.read('acme', 'processed', 'clients.csv.report.csv').match(/delivered/g)?.length, 5)
  t.match(stand.read('acme', 'processed', 'clients.csv.summary.txt'), /accepted +5\r\n[\s\S]*delivered +5\r\n/)
  t.comment(stand.read('acme', 'processed', 'clients.csv.summary.txt'))
  t.equal(stand.smsc.stats().distinct, 5)
})
