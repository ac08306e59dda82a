/** What calls come to: the table of statuses and causes, and the same by gateways that answer so, seen through the API. */
import { createSocket } from 'node:dgram'
import t, { type Test } from 'tap'
import type { CallRule } from '../src/engine/config/sip-outcomes.js'
import type { CallEnd } from '../src/sip/call/call.js'
import { Breaker } from '../src/sip/channel/breaker.js'
import { Digits } from '../src/sip/channel/digits.js'
import { OutcomeTable } from '../src/sip/channel/outcome-table.js'
import { until } from './until.js'
import { landline, startVoice, type VoiceStand } from './voice-stand.js'

t.setTimeout(580_000)

function end(change: Partial<CallEnd>): CallEnd {
  return {
    ...{ how: 'refused', status: 0, q850: 0, reason: '', retryAfterSeconds: 0 },
    ...{ wasAnswered: false, ringMs: 100, talkMs: 0 },
    ...change,
  }
}

t.test('every row of the table; a Q.850 cause wins but over 404, 486, 600 and 604', async (t) => {
  const table = new OutcomeTable({ outcomes: [] })
  const of = (status: number, q850 = 0): string => table.verdict(end({ status, q850 }), false).outcome
  const rows: Record<string, number[]> = {
    busy: [486, 600],
    noAnswer: [487],
    unreachable: [480],
    invalidNumber: [404, 410, 484, 485, 604, 416],
    declined: [603, 607, 608, 433],
    congestion: [502, 503, 504],
    gatewayError: [500, 501, 488, 580, 606, 505, 513, 481, 406, 413, 414, 415, 420, 421, 422, 491, 493, 494],
    carrierConfig: [402, 405, 428, 436, 437, 438],
    refused: [403, 400, 499, 302, 300],
  }
  for (const [outcome, statuses] of Object.entries(rows))
    for (const each of statuses) t.equal(of(each), outcome, `${each}`)
  const causes: Record<string, number[]> = {
    busy: [17],
    noAnswer: [18, 19],
    unreachable: [20, 27],
    invalidNumber: [1, 22, 28],
    declined: [21],
    congestion: [34, 38, 41, 42, 44, 47],
  }
  for (const [outcome, each] of Object.entries(causes)) {
    for (const cause of each) {
      t.equal(of(500, cause), outcome, `500 with ${cause}`)
      t.equal(of(404, cause), 'invalidNumber', `404 with ${cause}`)
      t.equal(of(486, cause), 'busy', `486 with ${cause}`)
    }
  }
  t.equal(of(503, 16), 'congestion', 'normal clearing says nothing')
  t.equal(table.verdict(end({ status: 408 }), true).outcome, 'noAnswer')
  t.equal(table.verdict(end({ status: 408 }), false).outcome, 'gatewayError')
  t.equal(table.verdict(end({ how: 'noAnswer', status: 487 }), true).outcome, 'noAnswer')
  for (const how of ['silent', 'unreachable'] as const)
    t.equal(table.verdict(end({ how }), false).outcome, 'gatewayError')
  t.equal(table.verdict(end({ how: 'unauthorised', status: 407 }), false).outcome, 'carrierConfig')
})

t.test('rules of the carrier go first, the first that fits decides', async (t) => {
  const outcomes: CallRule[] = [
    { status: '403', matches: 'too many (calls|channels)', outcome: 'congestion', delayMinutes: 2 },
    { status: '403', matches: 'number', outcome: 'invalidNumber' },
    { q850: 17, outcome: 'declined' },
    { status: '6xx', outcome: 'refused' },
  ]
  const table = new OutcomeTable({ outcomes })
  const of = (change: Partial<CallEnd>) => table.verdict(end(change), false)
  t.strictSame(of({ status: 403, reason: 'Too Many Channels' }), { outcome: 'congestion', delayMs: 120_000 })
  t.strictSame(of({ status: 403, reason: 'Bad number' }), { outcome: 'invalidNumber', delayMs: -1 })
  t.equal(of({ status: 403, reason: 'Forbidden' }).outcome, 'refused')
  t.equal(of({ status: 486, q850: 17 }).outcome, 'declined')
  t.equal(of({ status: 603 }).outcome, 'refused')
})

t.test('the breaker opens after five refusals of us in a row, lets one call try, and doubles its pause', async (t) => {
  const breaker = new Breaker()
  for (let n = 0; n < 4; n++) t.equal(breaker.note('carrierConfig', '402', n), false)
  t.equal(breaker.note('busy', '486', 5), false, 'a called line that is busy says that we may call')
  for (let n = 0; n < 4; n++) breaker.note('carrierConfig', '402', 10)
  t.equal(breaker.state, 'closed')
  t.equal(breaker.note('gatewayError', '500', 11), false, 'a gateway that fails says nothing of us')
  t.equal(breaker.note('carrierConfig', '402 Payment Required', 12), true)
  t.equal(breaker.state, 'open')
  t.match(breaker.why, /402 Payment Required/)
  const first = breaker.untilMs - 12
  t.equal(breaker.tick(breaker.untilMs - 1), false)
  t.equal(breaker.tick(breaker.untilMs), true)
  t.equal(breaker.state, 'probing')
  const now = breaker.untilMs
  t.equal(breaker.note('carrierConfig', '402', now), true)
  t.equal(breaker.untilMs - now, 2 * first)
  breaker.tick(breaker.untilMs)
  t.equal(breaker.note(null, '200', 0), true, 'an answered call mends it')
  t.equal(breaker.state, 'closed')
  for (let n = 0; n < 49; n++) breaker.note('refused', '403', 0)
  t.equal(breaker.state, 'closed', '403 may be of the number')
  t.equal(breaker.note('refused', '403', 0), true)
})

t.test('a digit that comes twice, as RTP event and as INFO, is one press', async (t) => {
  const digits = new Digits({ optOutDigit: '9', repeatDigit: '1', expectedDigits: '23' })
  t.equal(digits.press('2', 'rtp', 0), 'expected')
  t.equal(digits.press('2', 'info', 40), 'none')
  t.equal(digits.press('2', 'info', 5_000), 'expected')
  t.equal(digits.press('2', 'info', 5_100), 'expected', 'pressed twice')
  t.equal(digits.all, '222')
  t.strictSame(
    [1, 2, 3, 4].map((n) => digits.press('1', 'rtp', 10_000 * n)),
    ['repeat', 'repeat', 'repeat', 'none'],
  )
  t.equal(digits.press('9', 'rtp', 90_000), 'optOut')
  t.equal(digits.press('9', 'rtp', 91_000), 'none')
  t.equal(digits.press('8', 'rtp', 99_000), 'none')
})

async function outcomeOf({ customer }: VoiceStand, to: string, text = 'Your appointment is on Monday.') {
  const sent = await customer.call('POST', '/v1/messages', { body: { to, text } })
  if (sent.status !== 202) throw new Error(sent.text)
  return await until(
    async () => (await customer.call('GET', `/v1/messages/${sent.json.id}`)).json,
    ({ state, reason }) => !['queued', 'sending'].includes(state) && (state !== 'scheduled' || reason !== null),
  )
}

t.test('each status at a real gateway: state, reason, status and cause in the history', async (t) => {
  const endings = '01=busy,02=unreachable,03=invalid,04=declined,05=refused,06=484/28,07=redirect,08=hangup,09=press2'
  const stand = await startVoice(t, {
    gateways: [{ ringMs: 20, hangUpMs: 600, digitAfterMs: 50, endings }],
    carrier: 'attempts: 1, expectedDigits: "23", callsPerSecond: 50, tailMs: 300',
  })
  const rows: [number, object][] = [
    [1, { state: 'undelivered', reason: 'BUSY', status: 486 }],
    [2, { state: 'undelivered', reason: 'UNREACHABLE', status: 480 }],
    [3, { state: 'failed', reason: 'INVALID_NUMBER', status: 404 }],
    [4, { state: 'undelivered', reason: 'DECLINED', status: 603 }],
    [5, { state: 'failed', reason: 'REFUSED', status: 403 }],
    [6, { state: 'failed', reason: 'INVALID_NUMBER', status: 484 }],
    [7, { state: 'failed', reason: 'REFUSED', status: 302 }],
  ]
  await Promise.all(
    rows.map(async ([ending, want]) => {
      const { state, reason, history } = await outcomeOf(stand, landline(ending))
      t.match({ state, reason, status: history.at(-1).status }, want)
      t.match(history.at(-1), { reason, voice: { heardPercent: null, talkSeconds: null, digits: '' } })
    }),
  )
  const partly = await outcomeOf(stand, landline(8), 'A long message. '.repeat(60))
  t.match(partly, { state: 'undelivered', reason: 'PARTLY_HEARD' })
  const { heardPercent } = partly.history.at(-1).voice
  t.ok(heardPercent < 80, `${heardPercent} % heard`)
  const confirmed = await outcomeOf(stand, landline(9), 'Press 2 if you come on Monday. '.repeat(20))
  t.match(confirmed, { state: 'delivered', reason: null })
  t.equal(confirmed.history.at(-1).voice.digits, '2')
  const { stats } = { stats: stand.gateways[0]!.stats() }
  t.equal(stats.protocolErrors, 0, stats.complaints.join('; '))
  t.ok(
    stand.ledger().every(({ number }) => number.startsWith('44207183')),
    'nobody else was called',
  )
})

t.test('a busy line is scheduled with the reason, and delivered when it is free', async (t) => {
  const stand = await startVoice(t, {
    gateways: [{ ringMs: 20, endings: '02=busy:1' }],
    carrier: 'retryMinutes: [0.05], tailMs: 100',
  })
  const waiting = await outcomeOf(stand, landline(2))
  t.match(waiting, { state: 'scheduled', reason: 'BUSY' })
  t.match(waiting.history[0], { event: 'postponed', reason: 'BUSY', status: 486, until: String })
  const look = async () => (await stand.customer.call('GET', `/v1/messages/${waiting.id}`)).json
  const message = await until(look, ({ state }) => state === 'delivered')
  t.strictSame(
    message.history.map(({ event }: { event: string }) => event),
    ['postponed', 'delivered'],
  )
})

t.test('a gateway without a line, or one that says nothing: the next one at once', async (t) => {
  const stand = await startVoice(t, {
    gateways: [{ ringMs: 20, endings: '01=congestion,02=silent,03=error' }, { ringMs: 20 }],
    carrier: 'provisionalMs: 1000, tailMs: 100, callsPerSecond: 50',
  })
  for (const ending of [1, 3, 2]) {
    const message = await outcomeOf(stand, landline(ending))
    t.match(message, { state: 'delivered' }, `ending ${ending}`)
    t.equal(message.history.length, 1, 'it is one attempt')
  }
  const carriers = (await stand.whole.call('GET', '/v1/carriers')).json.items
  const pbx = carriers.find(({ id }: { id: string }) => id === 'pbx')
  t.match(pbx.binds, [
    { state: 'waiting', lastError: String },
    { state: 'bound', lastError: null },
  ])
  const after = await outcomeOf(stand, landline(4))
  t.match(after, { state: 'delivered' })
  t.equal(stand.ledger(0).filter(({ number }) => number.endsWith('0004')).length, 0, 'the silent one is left alone')
})

t.test('no gateway has a line: scheduled without using an attempt', async (t) => {
  const stand = await startVoice(t, { gateways: [{ endings: '01=congestion' }] })
  const message = await outcomeOf(stand, landline(1))
  t.match(message, { state: 'scheduled', reason: 'CONGESTION' })
  const { json } = await stand.customer.call('GET', `/v1/messages/${message.id}/explain`)
  t.match(json.waits[0], { code: 'CALLED_AGAIN', reason: 'CONGESTION', attempt: 0, status: 503 })
})

/** Answers each INVITE with what `answer` says of the number, and nothing else: `also` are further header fields. */
async function refuser(t: Test, answer: (digits: string) => { status: number; also: string } | null) {
  const socket = createSocket('udp4')
  const asked = new Map<string, { text: string; port: number }>()
  const reply = (digits: string, status: number, also: string): void => {
    const { text, port } = asked.get(digits)!
    const kept = text.split('\r\n').filter((line) => /^(?:Via|From|To|Call-ID|CSeq):/.test(line))
    const lines = kept.map((line) => (line.startsWith('To:') ? `${line};tag=x` : line))
    socket.send([`SIP/2.0 ${status} Said`, ...lines, also, 'Content-Length: 0', '', ''].join('\r\n'), port, '127.0.0.1')
  }
  socket.on('message', (bytes, { port }) => {
    const text = bytes.toString()
    const digits = /^INVITE sip:\+(\d+)/.exec(text)?.[1]
    if (digits === undefined) return
    asked.set(digits, { text, port })
    const { status, also } = answer(digits) ?? { status: 180, also: 'X-Wait: yes' }
    reply(digits, status, also)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  t.teardown(() => socket.close())
  return { port: socket.address().port, reply, asked }
}

t.test(
  'no Retry-After parks a message for good or hurries the next call, and a gateway rests as long as it asked',
  async (t) => {
    const answers: Record<string, string> = { 1: '486 99999999', 2: '486 1', 3: '503 999999999' }
    const gateway = await refuser(t, (digits) => {
      const [status, seconds] = (answers[digits.at(-1)!] ?? '').split(' ')
      return seconds === undefined ? null : { status: Number(status), also: `Retry-After: ${seconds}` }
    })
    const carrier = `host: 127.0.0.1, port: ${gateway.port}, optionsSeconds: 0, retryMinutes: [20], callsPerSecond: 50`
    const stand = await startVoice(t, { gateways: [], carrier })
    const talks = outcomeOf(stand, landline(4))
    await until(
      async () => [...gateway.asked.keys()].filter((digits) => digits.endsWith('4')),
      ([digits]) => digits !== undefined,
    )
    const inMs = async (ending: number): Promise<number> => {
      const { state, history } = await outcomeOf(stand, landline(ending))
      t.equal(state, 'scheduled')
      return Date.parse(history[0].until) - Date.parse(history[0].at)
    }
    const minute = 60_000
    t.ok(Math.abs((await inMs(1)) - 1_440 * minute) < minute, 'a day at most')
    t.ok((await inMs(2)) >= 20 * minute, 'not sooner than usual')
    t.ok(Math.abs((await inMs(3)) - 5 * minute) < minute, 'as long as the gateway is left alone')
    const digits = [...gateway.asked.keys()].find((each) => each.endsWith('4'))!
    gateway.reply(digits, 486, 'X-Wait: no')
    t.match(await talks, { state: 'scheduled', reason: 'BUSY' })
    const carriers = (await stand.whole.call('GET', '/v1/carriers')).json.items
    const [bind] = carriers.find(({ id }: { id: string }) => id === 'pbx').binds
    t.match(bind, { state: 'waiting', lastError: /rest/ }, 'whatever it said meanwhile')
  },
)

t.test('a gateway that refuses us suspends the carrier, with a reason an operator can act on', async (t) => {
  const stand = await startVoice(t, {
    gateways: [{ faults: '402=1' }],
    carrier: 'optionsSeconds: 0, callsPerSecond: 50',
  })
  const { whole } = stand
  for (let ending = 1; ending <= 8; ending++) {
    const body = { to: landline(ending), text: 'Your appointment is on Monday.' }
    t.equal((await stand.customer.call('POST', '/v1/messages', { body })).status, 202)
  }
  const look = async () =>
    (await whole.call('GET', '/v1/carriers')).json.items.find(({ id }: { id: string }) => id === 'pbx')
  const pbx = await until(look, ({ actions }) => actions.length > 0)
  t.match(pbx.actions, [{ action: 'suspended', reason: /refuses our calls.*check user, password/, until: String }])
  const calls = stand.gateways[0]!.stats().calls
  t.ok(calls >= 5 && calls <= 8, `${calls} calls`)
  // A call that waited for its line goes back to its lane, where it waits for the carrier.
  await whole.call('PATCH', '/v1/carriers/pbx', { body: { clearActions: true } })
  t.match((await look()).actions, [])
})
