/** Calls beside SMS in what a customer reads afterwards: reports, usage and money, after real calls to a simulated gateway. */
import t from 'tap'
import type { JobView, MessageView } from '../src/engine/contract/api.js'
import { until } from './until.js'
import { landline, startVoice } from './voice-stand.js'
import { reached } from './whole-engine.js'

const HEARD = landline(1001)
const INVALID = landline(1002)
const PRESSES = landline(1003)
const MOBILE = '+447400123451'

t.test(
  'a job of mobiles, landlines and wrong numbers: report, usage and balance say what became of each',
  async (t) => {
    const gateway = { endings: '1002=invalid,1003=press2' }
    const { whole, customer, ledger } = await startVoice(t, {
      gateways: [gateway],
      carrier: 'expectedDigits: "23", retryMinutes: [0.02]',
    })
    const prices = [
      { channel: 'sms', prefix: '44', price: 0.04 },
      { channel: 'voice', prefix: '44', price: 0.2 },
    ]
    const paid = await whole.call('PATCH', '/v1/accounts/clinic', { body: { prices, currency: 'GBP', balance: 10 } })
    t.equal(paid.status, 200, paid.text)
    const { call } = customer
    const body = {
      ...{ text: 'Hi ~name~', prompts: ['~name~, see you at noon. Press two for yes.'], columns: { to: 'to' } },
      ...{ unsubscribe: 'none', from: 'Clinic' },
    }
    const made = await call('POST', '/v1/jobs', { body })
    const csv = [
      'to,name',
      `${HEARD},Bo`,
      `${INVALID},Di`,
      `${PRESSES},Ed`,
      `${MOBILE},Ann`,
      '12,Cy',
      '09012345678,Gus',
    ]
    const headers = { 'content-type': 'text/csv' }
    await call('PUT', `/v1/jobs/${made.json.id}/recipients`, { body: csv.join('\n'), headers })
    const job: JobView = await reached(call, made.json.id, 'finished')
    t.match(job.counts, { rows: 6, accepted: 4, rejected: 2, delivered: 3 })
    const { items } = (await call('GET', `/v1/jobs/${job.id}/messages`)).json as { items: MessageView[] }
    const of = (to: string): MessageView => items.find((message) => message.to === to)!
    t.match(of(INVALID), { reason: 'INVALID_NUMBER', channel: 'voice' })
    const ndjson = (await call('GET', `/v1/jobs/${job.id}/report.ndjson`)).text.trim().split('\n')
    const rows = new Map(ndjson.map((line) => JSON.parse(line)).map((row) => [row.to, row]))
    t.match(rows.get(HEARD), { state: 'delivered', heardPercent: 100, digits: '', callStatus: 200, encoding: 'speech' })
    t.ok(rows.get(HEARD).ringSeconds >= 0 && rows.get(HEARD).talkSeconds > 0)
    t.match(rows.get(INVALID), { reason: 'INVALID_NUMBER', heardPercent: null, talkSeconds: null, callStatus: 404 })
    t.match(rows.get(PRESSES), { state: 'delivered', digits: '2' })
    const none = { heardPercent: null, ringSeconds: null, talkSeconds: null, digits: null, callStatus: null }
    t.match(rows.get(MOBILE), { state: 'delivered', channel: 'sms', ...none })
    const lines = (await call('GET', `/v1/jobs/${job.id}/report.csv?channel=voice`)).text.trim().split('\r\n')
    t.equal(lines.length, 4)
    t.match(lines[0], /,clientReference,heardPercent,ringSeconds,talkSeconds,digits,callStatus$/)
    t.match(
      lines.find((line) => line.includes(HEARD)),
      /,"100","[\d.]+","[\d.]+","","200"$/,
    )
    const seen = ledger().map(({ number }) => `+${number}`)
    t.same([...new Set(seen)].sort(), [HEARD, INVALID, PRESSES].sort(), 'nobody else was called')
    const usage = await until(
      async () => (await call('GET', '/v1/usage?by=channel')).json.items,
      (found) =>
        found.some(({ channel, cost }: { channel: string; cost: number }) => channel === 'voice' && cost > 0.39),
    )
    t.match(
      usage.find(({ channel }: { channel: string }) => channel === 'voice'),
      { rows: 3, parts: 3, partsSent: 2, cost: 0.4, delivered: 2 },
    )
    const balance = await until(
      async () => (await call('GET', '/v1/balance')).json,
      ({ reserved }) => reserved === 0,
    )
    t.equal(balance.balance, 9.56, 'two calls that were answered and one SMS')
  },
)
