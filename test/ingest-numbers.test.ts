/** Numbers in files: several recipient columns, an account's rules, short codes; and the same for single messages. */
import { parse } from 'csv-parse/sync'
import t from 'tap'
import { newAccount } from '../src/engine/accounts/account-record.js'
import type { RoutePlan } from '../src/engine/contract/ingest.js'
import { DEFAULT_NUMBER_RULES, type NumberRules } from '../src/engine/contract/number-rules.js'
import { Composer } from '../src/engine/messages/compose.js'
import { explainNumber } from '../src/engine/phone/explain-number.js'
import { BlockReader } from '../src/engine/store/block.js'
import { GB_ROUTE, type Harness, type JobFile, type JobRun, rejectsOf, runJob, startHarness } from './ingest-job.js'

const LANDLINE_ROUTE: RoutePlan = { ...GB_ROUTE, route: 2, channel: 'voice', prefix: '44', carrier: 'pbx' }
const LANDLINE = '02071838750'
const PREMIUM = '09012345678'

let harness: Harness
let job = 0
t.before(() => {
  harness = startHarness(2)
})
t.teardown(() => harness.close())

async function run(content: string, file: Partial<JobFile> = {}): Promise<JobRun> {
  return await runJob(harness, { job: ++job, content, ...file })
}

/** [line, column, code] of rejects.csv. */
async function rejects(of: JobRun): Promise<string[]> {
  const rows: string[][] = parse(await rejectsOf(harness.store, of))
  return rows.slice(1).map(([line, column, code]) => `${line} ${column} ${code}`)
}

interface Accepted {
  route: number
  to: string
  phone: number | null
}

/** Accepted rows that are no duplicates, by recipient. */
function accepted(of: JobRun): Accepted[] {
  const found: Accepted[] = []
  for (const range of harness.store.ranges(of.plan.job)) {
    for (const block of range.blocks) {
      const reader = new BlockReader(harness.store.block(block)!)
      const marks = harness.store.marks(block)
      for (let place = 0; place < reader.count; place++) {
        if (marks !== null && (marks[place >> 3]! & (1 << (place & 7))) !== 0) continue
        found.push({ route: reader.route, to: reader.recipient(place), phone: reader.facts(place).phone })
      }
    }
  }
  return found.sort((a, b) => (a.to < b.to ? -1 : 1))
}

function rules(given: Partial<NumberRules>): NumberRules {
  return { ...DEFAULT_NUMBER_RULES, ...given }
}

t.test(
  'the first number that may be messaged is taken; a row is about the first column with anything in it',
  async (t) => {
    const content = [
      'a,b,c',
      `${PREMIUM},07400123451,`,
      `${LANDLINE},07400123452,07400123453`,
      ',n/a,',
      `,${PREMIUM},12`,
      '"",,"x"',
      'n/a,+44 7400 123454,',
    ].join('\n')
    const found = await run(content, { settings: { columns: { phones: ['a', 'b', 'c'] } } })
    t.same(accepted(found), [
      { route: 1, to: '+447400123451', phone: 1 },
      { route: 1, to: '+447400123452', phone: 1 },
      { route: 1, to: '+447400123454', phone: 1 },
    ])
    t.same(await rejects(found), ['4 2 INVALID_NUMBER', '5 2 PREMIUM_NUMBER', '6 3 INVALID_NUMBER'])
  },
)

t.test('who is suppressed is not reached on another number, whatever else is wrong with the first', async (t) => {
  const plan = { suppressed: Float64Array.from([442071838750, 447400123451]) }
  const content = `a,b\n07400123451,07400123452\n${LANDLINE},07400123453\n07400123454,07400123451\n`
  const found = await run(content, { settings: { columns: { phones: ['a', 'b'] } }, plan })
  t.same(accepted(found), [{ route: 1, to: '+447400123454', phone: 0 }])
  t.same(await rejects(found), ['2 1 SUPPRESSED', '3 1 NO_ROUTE'])
})

t.test('with all numbers, each column that is filled is a row, and a duplicate names its column', async (t) => {
  const content = [
    'name,a,b',
    'Ann,07400123451,07400123452',
    'Bo,+447400123452,',
    'Cy,07400123453,0044 7400 123453',
    'Di,,',
    'Ed,n/a,12',
    'Flo,,07400123451',
  ].join('\n')
  const settings = { columns: { phones: ['a', 'b'], phonesMode: 'all' as const } }
  const found = await run(content, { settings })
  t.match(found.sums, { records: 6, expanded: 6, rows: 9, accepted: 6, rejected: 3 })
  t.equal(found.duplicates.duplicates, 3)
  t.same(
    accepted(found).map(({ to, phone }) => `${to} ${phone}`),
    ['+447400123451 0', '+447400123452 1', '+447400123453 0'],
  )
  const expected = ['3 2 DUPLICATE', '4 3 DUPLICATE', '5 2 MISSING_NUMBER', '6 2 INVALID_NUMBER', '6 3 INVALID_NUMBER']
  t.same(await rejects(found), [...expected, '7 3 DUPLICATE'])

  const again = await run(content, { settings: { ...settings, deduplicate: false } })
  t.match(again.sums, { rows: 8, accepted: 5, rejected: 3 }, 'one record reaches a number once even so')
})

t.test('a duplicate names its column among the first 63 recipient columns', async (t) => {
  const labels = Array.from({ length: 70 }, (_, column) => `p${column}`)
  const cells = labels.map(() => '')
  const rows = [62, 63].map((column) => cells.with(column, '07400123451').join(','))
  const settings = { columns: { phones: labels, phonesMode: 'all' as const } }
  const found = await run([labels.join(','), rows[0], rows[0], rows[1]].join('\n'), { settings })
  t.same(await rejects(found), ['3 63 DUPLICATE', '4  DUPLICATE'])
})

t.test("an account's rules hold for every row of a file", async (t) => {
  const content = [
    'to',
    '07400123451',
    '07400999999',
    '07500123451',
    LANDLINE,
    PREMIUM,
    '+33612345678',
    '+12124567890',
    '+881612345678',
  ].join('\n')
  const plan = {
    routes: [GB_ROUTE, LANDLINE_ROUTE],
    rules: rules({
      allowPrefixes: ['44', '1', '881'],
      denyPrefixes: ['447400'],
      channelRules: { fixedOrMobile: 'reject' },
    }),
  }
  const found = await run(content, { plan })
  t.same(
    accepted(found).map(({ route, to }) => `${route} ${to}`),
    ['2 +442071838750', '1 +447500123451'],
  )
  t.same(await rejects(found), [
    '2 1 PREFIX_DENIED',
    '3 1 PREFIX_DENIED',
    '6 1 PREMIUM_NUMBER',
    '7 1 PREFIX_NOT_ALLOWED',
    '8 1 LINE_TYPE_REFUSED',
    '9 1 PREMIUM_NUMBER',
  ])
  const sms = await run(`to\n${LANDLINE}\n`, {
    settings: { channel: 'sms' },
    plan: { routes: [GB_ROUTE, LANDLINE_ROUTE] },
  })
  t.same(accepted(sms), [{ route: 1, to: '+442071838750', phone: 0 }], 'a landline gets the SMS that is asked for')
})

t.test('short codes go by the routes of the default country and keep their digits', async (t) => {
  const home: RoutePlan = { ...GB_ROUTE, route: 3, prefix: '44' }
  const content = 'to\n60777\n60 777\n07400123451\n112\n'
  const plan = { routes: [GB_ROUTE, home], rules: rules({ allowShortCodes: true }) }
  const found = await run(content, { plan })
  t.same(
    accepted(found).map(({ route, to }) => `${route} ${to}`),
    ['3 +447400123451', '3 60777'],
  )
  t.same(await rejects(found), ['3 1 DUPLICATE', '5 1 INVALID_NUMBER'])
  const refused = await run(content)
  t.match(refused.sums, { accepted: 1, rejected: 3 })
})

t.test('a single message, a row and an explanation come to the same', async (t) => {
  const routes = [LANDLINE_ROUTE, GB_ROUTE]
  const composer = new Composer({ plans: () => routes, isSender: () => true, parseTime: () => null })
  const numbers = [
    '07400123451',
    LANDLINE,
    PREMIUM,
    '60777',
    '+33612345678',
    '+881612345678',
    'n/a',
    '+4',
    '0800 1111111',
  ]
  const accounts: Partial<NumberRules>[] = [
    {},
    { allowPremium: true, allowShortCodes: true },
    { channelRules: { fixed: 'sms', tollFree: 'voice', mobile: 'reject' } },
    { denyPrefixes: ['33', '4474'], allowPrefixes: ['44', '8816'] },
  ]
  for (const given of accounts) {
    const account = { ...newAccount({ id: 'acme', number: 1, nowMs: 0 }), defaultCountry: 'GB', ...rules(given) }
    const file = await run(['to', ...numbers].join('\n'), { plan: { routes, rules: rules(given) } })
    const codes = new Map(
      (await rejects(file))
        .map((line) => line.split(' ') as [string, string, string])
        .map(([line, , code]) => [Number(line), code]),
    )
    numbers.forEach((to, index) => {
      const { answer } = composer.compose(account, { to, text: 'Hello' }, 0)
      const { refused } = explainNumber(to, { defaultCountry: 'GB', rules: rules(given) })
      const about = `${to} ${JSON.stringify(given)}`
      t.equal(answer.reason ?? null, codes.get(index + 2) ?? null, about)
      if (refused !== null) t.equal(refused.code, answer.reason, about)
      else if (answer.reason !== undefined) t.equal(answer.reason, 'NO_ROUTE', about)
    })
  }
})
