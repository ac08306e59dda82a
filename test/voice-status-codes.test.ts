/**
 * Every row of the state table against SIPp: one gateway per status that refuses two calls, its exit code 0, what the user
 * agent makes of it, and what that means for the message.
 */
import t, { type Test } from 'tap'
import type { CallEnd, CallEndHow, Credentials } from '../src/sip/call/call.js'
import { OutcomeTable } from '../src/sip/channel/outcome-table.js'
import { type Caller, startCaller } from './sip-caller.js'
import { type Sipp, startSipp } from './sipp.js'
import { answering, asking, askingAsProxy, type Refusal, refusal, ringing } from './sipp-scenario.js'

interface Row extends Refusal {
  status: number
  /** Of the Reason header. */
  q850?: number
  outcome: string
  how?: CallEndHow
}

/** Final status, Q.850 cause, ringing before or not → outcome. */
const rows: readonly Row[] = [
  // 3xx is never followed: a gateway that sends us elsewhere refuses.
  { status: 300, outcome: 'refused' },
  { status: 301, outcome: 'refused', headers: ['Contact: <sip:+88213000000@127.0.3.66>'] },
  { status: 302, outcome: 'refused', headers: ['Contact: <sip:+88213000000@127.0.3.66>'] },
  { status: 305, outcome: 'refused', headers: ['Contact: <sip:127.0.3.66>'] },
  { status: 380, outcome: 'refused' },
  { status: 400, outcome: 'refused' },
  { status: 402, outcome: 'carrierConfig' },
  { status: 403, outcome: 'refused' },
  { status: 404, outcome: 'invalidNumber' },
  { status: 405, outcome: 'carrierConfig' },
  { status: 408, outcome: 'gatewayError' },
  { status: 408, before: [100, 180], outcome: 'noAnswer' },
  { status: 410, outcome: 'invalidNumber' },
  { status: 416, outcome: 'invalidNumber' },
  { status: 428, outcome: 'carrierConfig' },
  { status: 433, outcome: 'declined' },
  { status: 436, outcome: 'carrierConfig' },
  { status: 437, outcome: 'carrierConfig' },
  { status: 438, outcome: 'carrierConfig' },
  { status: 480, outcome: 'unreachable' },
  { status: 480, before: [180], outcome: 'unreachable' },
  { status: 484, outcome: 'invalidNumber' },
  { status: 485, outcome: 'invalidNumber' },
  { status: 486, outcome: 'busy' },
  { status: 486, before: [100, 183, 180], outcome: 'busy' },
  { status: 488, outcome: 'gatewayError' },
  { status: 500, outcome: 'gatewayError' },
  { status: 501, outcome: 'gatewayError' },
  { status: 502, outcome: 'congestion' },
  { status: 503, outcome: 'congestion', headers: ['Retry-After: 7 (overload)'] },
  { status: 504, outcome: 'congestion' },
  { status: 580, outcome: 'gatewayError' },
  { status: 600, outcome: 'busy' },
  { status: 603, outcome: 'declined' },
  { status: 604, outcome: 'invalidNumber' },
  { status: 606, outcome: 'gatewayError' },
  { status: 607, outcome: 'declined' },
  { status: 608, outcome: 'declined' },
  // The Q.850 cause wins over the status …
  { status: 480, q850: 18, outcome: 'noAnswer' },
  { status: 480, q850: 19, outcome: 'noAnswer' },
  { status: 500, q850: 20, outcome: 'unreachable' },
  { status: 503, q850: 27, outcome: 'unreachable' },
  { status: 503, q850: 1, outcome: 'invalidNumber' },
  { status: 480, q850: 22, outcome: 'invalidNumber' },
  { status: 480, q850: 28, outcome: 'invalidNumber' },
  { status: 480, q850: 17, outcome: 'busy' },
  { status: 403, q850: 21, outcome: 'declined' },
  { status: 403, q850: 34, outcome: 'congestion' },
  { status: 480, q850: 38, outcome: 'congestion' },
  { status: 480, q850: 41, outcome: 'congestion' },
  { status: 500, q850: 42, outcome: 'congestion' },
  { status: 603, q850: 44, outcome: 'congestion' },
  { status: 403, q850: 47, outcome: 'congestion' },
  // … but for those that say more than any cause, and causes that say nothing.
  { status: 404, q850: 34, outcome: 'invalidNumber' },
  { status: 486, q850: 34, outcome: 'busy' },
  { status: 600, q850: 21, outcome: 'busy' },
  { status: 604, q850: 38, outcome: 'invalidNumber' },
  { status: 480, q850: 31, outcome: 'unreachable' },
]

/** Calls of each row. */
const CALLS = 2
const table = new OutcomeTable({ outcomes: [] })

function nameOf({ status, q850, before }: Row): string {
  return [status, ...(q850 === undefined ? [] : [`Q.850 ${q850}`]), ...(before ? [`after ${before}`] : [])].join(' ')
}

async function gatewayOf(t: Test, row: Row): Promise<Sipp> {
  const { status, q850, headers = [], before } = row
  const reason =
    q850 === undefined ? [] : [`Reason: SIP;cause=${status};text="x", Q.850 ;cause=${q850};text="Test cause"`]
  const scenario = refusal(status, { reason: 'Not now', before, headers: [...headers, ...reason] })
  return await startSipp(t, { scenario, calls: CALLS })
}

async function callRow(t: Test, caller: Caller, row: Row): Promise<void> {
  const gateway = await gatewayOf(t, row)
  const calls = Array.from({ length: CALLS }, () => caller.place(gateway.peer))
  const ends = await Promise.all(calls.map(({ ended }) => ended))
  await gateway.succeeded()
  const name = nameOf(row)
  for (const [n, end] of ends.entries()) {
    t.match(end, { how: 'refused', status: row.status, q850: row.q850 ?? 0, wasAnswered: false, talkMs: 0 }, name)
    t.equal(end.retryAfterSeconds, row.headers?.[0]?.startsWith('Retry-After') ? 7 : 0, name)
    t.match(end.reason, row.q850 === undefined ? /^Not now$/ : /Not now.*Test cause/, name)
    const ringing = (row.before ?? []).filter((status) => status > 100).map((status) => `ringing ${status}`)
    t.strictSame(calls[n]!.lines, [...ringing, 'ended refused'], name)
    t.equal(table.verdict(end, ringing.length > 0).outcome, row.outcome, name)
  }
}

t.test(
  'every row of the state table: SIPp ends with code 0, the call tells status and cause, the outcome is as written',
  async (t) => {
    const caller = await startCaller(t)
    // Some at a time: each is a process.
    for (let from = 0; from < rows.length; from += 8) {
      await Promise.all(rows.slice(from, from + 8).map((row) => callRow(t, caller, row)))
    }
    t.equal(caller.agent.callsOpen, 0)
  },
)

t.test('a rule of the carrier says what its 403 means', async (t) => {
  const caller = await startCaller(t)
  const rules = new OutcomeTable({
    outcomes: [
      { status: '403', matches: 'channel limit', outcome: 'congestion' },
      { status: '40x', q850: 50, outcome: 'declined', delayMinutes: 1 },
    ],
  })
  const verdictOf = async (reason: string, headers: string[]): Promise<string> => {
    const gateway = await startSipp(t, { scenario: refusal(403, { reason, headers }), calls: 1 })
    const end = await caller.place(gateway.peer).ended
    await gateway.succeeded()
    return rules.verdict(end, false).outcome
  }
  t.equal(await verdictOf('Channel Limit reached', []), 'congestion')
  t.equal(await verdictOf('No', ['Reason: Q.850;cause=50']), 'declined')
  t.equal(await verdictOf('No', []), 'refused')
})

interface Ending {
  name: string
  scenario: string
  expected: Partial<CallEnd>
  outcome?: string
  wanted?: { ringMs?: number; credentials?: Credentials | null }
  lines: string[]
  /** Hangs up at this line. */
  hangUpAt?: string
}

const LOGIN = { user: 'trunk', password: 'open sesame' }
const answered = { how: 'localHangUp', status: 200, wasAnswered: true } as const
const gaveUp = { how: 'noAnswer', status: 487, wasAnswered: false } as const
const endings: readonly Ending[] = [
  {
    ...{ name: 'rings too long: CANCEL, 487', scenario: ringing([100, 180]), wanted: { ringMs: 300 } },
    ...{ expected: gaveUp, outcome: 'noAnswer', lines: ['ringing 180', 'ended noAnswer'] },
  },
  {
    ...{ name: 'hung up while it rings', scenario: ringing([183]), hangUpAt: 'ringing 183' },
    ...{ expected: { how: 'canceled', status: 487 }, lines: ['ringing 183', 'ended canceled'] },
  },
  {
    ...{ name: 'answered, hung up by us', scenario: answering(), hangUpAt: 'answered', expected: answered },
    lines: ['ringing 180', 'answered', 'ended localHangUp'],
  },
  {
    ...{ name: 'answered at once, hung up by the far end', scenario: answering({ before: [], hangsUpAs: 1 }) },
    ...{ expected: { how: 'remoteHangUp', wasAnswered: true }, lines: ['answered', 'ended remoteHangUp'] },
  },
  {
    ...{ name: '401, right password', scenario: asking({ ...LOGIN }), wanted: { credentials: LOGIN } },
    ...{ expected: { how: 'refused', status: 486 }, outcome: 'busy', lines: ['ended refused'] },
  },
  {
    ...{ name: '407, answered', scenario: askingAsProxy({ user: 'trunk', final: 200 }), hangUpAt: 'answered' },
    ...{ wanted: { credentials: LOGIN }, expected: answered, lines: ['answered', 'ended localHangUp'] },
  },
  {
    ...{ name: '401, wrong password', scenario: asking({ ...LOGIN }), outcome: 'refused' },
    wanted: { credentials: { user: 'trunk', password: 'wrong' } },
    ...{ expected: { how: 'refused', status: 403 }, lines: ['ended refused'] },
  },
  {
    ...{ name: '401, no credentials', scenario: refusal(401), expected: { how: 'unauthorised', status: 401 } },
    ...{ outcome: 'carrierConfig', lines: ['ended unauthorised'] },
  },
]

for (const { name, scenario, expected, outcome, wanted, lines, hangUpAt } of endings) {
  t.test(`${name}: as told, and SIPp ends with code 0`, async (t) => {
    const caller = await startCaller(t)
    const gateway = await startSipp(t, { scenario, calls: 1 })
    const placed = caller.place(gateway.peer, wanted, (line, call) => {
      if (line === hangUpAt) call.hangUp()
    })
    const end = await placed.ended
    await gateway.succeeded()
    t.match(end, expected)
    t.strictSame(placed.lines, lines)
    if (outcome !== undefined) t.equal(table.verdict(end, lines[0]!.startsWith('ringing')).outcome, outcome)
  })
}
