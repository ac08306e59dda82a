/** Many files of many accounts at once, and two engines on one folder. */
import { existsSync } from 'node:fs'
import t from 'tap'
import { Turns } from '../src/drop/folder/turns.js'
import { clients, type DropStand, ENDED, principalOf, saveDefault, startDrops } from './drop-support.js'

const ACCOUNTS = 20
/** Of each account; `node build/test/drop-many.test.js SEED 50` for the thousand of the proof. */
const FILES = Number(process.argv[3] ?? 4)
const timeout = 60_000 + ACCOUNTS * FILES * 500
t.setTimeout(2 * timeout)

async function ready(stand: DropStand, account: string): Promise<void> {
  await stand.until(() => existsSync(stand.path(account, 'processed')) && existsSync(stand.path(account, 'error')))
}

t.test(
  `${ACCOUNTS} accounts drop ${FILES} files each at once: all are sent, few at a time, in turns`,
  { timeout },
  async (t) => {
    const stand = await startDrops(t, { drop: { settleMs: 1_000 } })
    const accounts = Array.from({ length: ACCOUNTS }, (_, index) => `account-${index}`)
    for (const id of accounts) {
      await stand.engine.createAccount(id, { defaultCountry: 'GB' })
      await saveDefault(stand, id)
    }
    await ready(stand, accounts.at(-1)!)
    const startedAt = performance.now()
    for (let file = 0; file < FILES; file++) {
      for (const [index, id] of accounts.entries())
        stand.put(id, `f${file}.csv`, clients(10, (index * FILES + file) * 10))
    }
    let mostAtOnce = 0
    await stand.until(() => {
      const drops = stand.drops()
      mostAtOnce = Math.max(mostAtOnce, drops.filter(({ state }) => state === 'reading').length)
      return drops.filter(({ state }) => ENDED.includes(state)).length === ACCOUNTS * FILES
    }, 500)
    const drops = stand.drops()
    const seconds = (performance.now() - startedAt) / 1_000
    t.comment(
      `${ACCOUNTS * FILES} files in ${seconds.toFixed(1)} s, ${mostAtOnce} at once, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`,
    )
    t.ok(mostAtOnce <= 8, `${mostAtOnce} at once`)
    t.strictSame(
      drops.filter(({ state, delivered }) => state !== 'done' || delivered !== 10),
      [],
    )
    t.equal(stand.smsc.stats().distinct, ACCOUNTS * FILES * 10)
    t.equal(stand.smsc.stats().repeats, 0)
    for (const id of accounts) t.equal(stand.drops(principalOf(id)).length, FILES)
  },
)

t.test('accounts take turns, and one with many files has no more places than others who wait', async (t) => {
  const turns = new Turns(4)
  const waiting = new Map([
    [1, 100],
    [2, 2],
    [3, 2],
  ])
  const served: number[] = []
  const busy: number[] = []
  for (let file = 0; file < 8; file++) {
    if (!turns.hasRoom) turns.end(busy.shift()!)
    const next = turns.next([...waiting.keys()])!
    turns.begin(next)
    busy.push(next)
    served.push(next)
    waiting.set(next, waiting.get(next)! - 1)
    if (waiting.get(next) === 0) waiting.delete(next)
  }
  t.strictSame(served, [1, 2, 3, 1, 2, 3, 1, 1])
  t.equal(turns.next([]), null)
})

t.test('of two engines on one folder each file is taken by one, and both take some', { timeout }, async (t) => {
  const stand = await startDrops(t)
  const root = stand.root
  const other = await startDrops(t, { drop: { root } })
  await ready(stand, 'acme')
  const files = 40
  for (let file = 0; file < files; file++) stand.put('acme', `f${file}.csv`, clients(5, file * 5))
  await stand.until(() => {
    const ended = [...stand.drops(), ...other.drops()].filter(({ state }) => ENDED.includes(state))
    return ended.length === files
  })
  const both = [...stand.drops(), ...other.drops()]
  t.strictSame(
    both.filter(({ state }) => state !== 'done').map(({ file, error }) => [file, error]),
    [],
  )
  t.equal(new Set(both.map(({ file }) => file)).size, files)
  t.equal(stand.smsc.stats().distinct + other.smsc.stats().distinct, files * 5)
  t.ok(stand.drops().length > 0 && other.drops().length > 0, `${stand.drops().length} and ${other.drops().length}`)
  t.equal(stand.names('acme', 'processed').length, 3 * files)
})
