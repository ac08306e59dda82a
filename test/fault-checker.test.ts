/**
 * The checker of the torture is worth something: over ledgers of a run in which all went well it finds nothing, and in each of
 * them into which one wrong was written it names that wrong and whom it concerns.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { Book, type Submitted } from '../proof/torture/book.js'
import { checkReceipts } from '../proof/torture/check-receipts.js'
import { Checker } from '../proof/torture/checker.js'
import type { Intent } from '../proof/torture/driver-ledger.js'
import { EngineView } from '../proof/torture/engine-view.js'
import { Stand } from '../proof/torture/stand.js'
import { DOCTORS, type Ledgers, readLedgers, sendAgain, writeLedgers } from './doctored-ledgers.js'
import { seed } from './seed.js'
import { until } from './until.js'

t.setTimeout(200_000)

const ESME_RSYSERR = 0x08
const ESME_RTHROTTLED = 0x58

/** There is something of every kind that a doctor wants: at one carrier, and in one session of it more than a window and cap. */
function isEnough({ driver, alpha }: Ledgers): boolean {
  const perSession = new Map<number, number>()
  const markers = new Set<number>()
  for (const seen of alpha) {
    if (seen.e !== 'submit') continue
    markers.add(seen.marker)
    perSession.set(seen.session, (perSession.get(seen.session) ?? 0) + 1)
  }
  const sentOf = (isSo: (intent: Intent) => boolean): number => {
    const intents = driver.filter((seen): seen is Intent => seen.e === 'intent' && isSo(seen))
    return Math.max(
      0,
      ...intents.map(({ first, count }) => rangeOf(first, count).filter((one) => markers.has(one)).length),
    )
  }
  const isSingle = ({ kind }: Intent): boolean => kind === 'single' || kind === 'batch'
  return (
    Math.max(0, ...perSession.values()) > 60 &&
    sentOf(({ ordered, parts }) => ordered && parts === 1) > 1 &&
    sentOf((intent) => isSingle(intent) && !intent.ordered) > 3 &&
    sentOf((intent) => !isSingle(intent)) > 3
  )
}

function rangeOf(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, n) => first + n)
}

t.test(`each wrong in a ledger is named; seed ${seed}`, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-checker-'))
  const stand = await Stand.open({ folder, seed, driver: { rowsMax: 60, perSecond: 150 } })
  t.teardown(async () => {
    await stand.close()
    rmSync(folder, { recursive: true, force: true })
  })
  stand.driver.start()
  await until(async () => {
    await stand.carriers.flush()
    return readLedgers(stand.ledgers)
  }, isEnough)
  t.equal(await stand.settle(), null, 'nothing waits in the end')
  t.same((await stand.reconcile()).violations, [], 'nothing is wrong with what was')

  const { asker, accounts, terms, random } = stand
  const view = await EngineView.read(asker, accounts)
  for (const { what, change } of DOCTORS) {
    const ledgers = readLedgers(stand.ledgers)
    const named = change(ledgers, view)
    const paths = writeLedgers(ledgers, stand.ledgers, mkdtempSync(path.join(folder, 'doctored-')))
    const { violations } = await new Checker({ asker, accounts, ledgers: paths, terms, random }).full()
    const found = violations.find(({ invariant, id }) => invariant === named.invariant && id === named.id)
    t.ok(found, `${what}: ${found?.detail ?? JSON.stringify({ named, violations })}`)
  }

  const refused = readLedgers(stand.ledgers)
  const session = sendAgain(refused, 21, ESME_RTHROTTLED)
  const paths = writeLedgers(refused, stand.ledgers, mkdtempSync(path.join(folder, 'doctored-')))
  const { violations } = await new Checker({ asker, accounts, ledgers: paths, terms, random }).full()
  const named = violations.filter(({ invariant, id }) => invariant === 'I2' && id === `alpha, session ${session}`)
  t.same(named, [], 'what was sent again and refused came to nobody twice')
})

t.test('a message that was refused when it was sent again may be failed, whatever the first try became', async (t) => {
  const common = {
    e: 'submit',
    carrier: 'alpha',
    session: 1,
    sequence: 1,
    from: '',
    to: '',
    marker: 7,
    part: 1,
    parts: 1,
  } as const
  const taken = { ...common, t: 1, status: 0, id: 'first' }
  const refused = { ...common, t: 2, status: ESME_RSYSERR, id: '' }
  const receipt = { e: 'receipt', t: 3, session: 1, id: 'first', state: 2, status: 0 } as const
  const message = {
    id: 'msg',
    account: 'acme',
    to: '',
    state: 'failed',
    reason: 'CARRIER',
    job: null,
    carrier: 'alpha',
  }
  const wrongs = (submits: Submitted[], parts = 1) => {
    const messages = new Map([[7, [{ ...message, parts }]]])
    const view = { messages, jobs: new Map(), usage: new Map(), strangers: 0 } as unknown as EngineView
    const book = new Book()
    book.submits.set(7, submits)
    book.receipts.set('alpha first', [receipt])
    return checkReceipts(book, view).filter(({ detail }) => detail.includes('said that all of it was delivered')).length
  }
  t.equal(wrongs([taken, refused]), 0)
  const other = { ...taken, part: 2, t: 3 }
  t.equal(wrongs([taken, { ...other, t: 1 }, refused, other], 2), 0, 'though another part was taken behind it')
  t.equal(wrongs([{ ...refused, t: 0 }, taken]), 1, 'not when it was taken after that')
  t.equal(wrongs([taken]), 1, 'nor when nobody refused it')
})
