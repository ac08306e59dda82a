/** /v1/balance, /v1/accounts/:id/balance and /v1/usage: what an account has, and what it sent for it. */
import { csvCell } from '../../engine/base/csv-cell.js'
import type { EngineApi } from '../../engine/contract/api.js'
import type { UsageDimension, UsageItem } from '../../engine/contract/money.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { sendCsv } from '../csv-reply.js'
import { once } from '../idempotency.js'
import { answers, bearer, IdParams, idempotencyHeader, pageAnswer } from '../schemas/common.js'
import { AccountMoneySchema, BalanceSchema, TopUpSchema, UsageQuerySchema, UsageSchema } from '../schemas/money.js'

const about = { tags: ['money'], security: bearer }
const LINES_PER_PIECE = 200
const usageContent = {
  'application/json': { schema: pageAnswer(UsageSchema, 'By account, day, country and channel.') },
  'application/x-ndjson': { schema: { type: 'string' } },
  'text/csv': { schema: { type: 'string' } },
}
const types = { csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson; charset=utf-8' }

export function moneyRoutes(app: App, engine: EngineApi): void {
  app.get(
    '/v1/balance',
    {
      config: { auth: 'account' },
      schema: { ...about, summary: 'Balance and quotas', response: answers({ 200: AccountMoneySchema }) },
    },
    async (request) => engine.money.balance(principalOf(request)),
  )

  app.post(
    '/v1/accounts/:id/balance',
    {
      config: { auth: 'admin' },
      schema: {
        ...about,
        summary: 'Top up the balance of an account',
        description: 'Also makes an account prepaid that paid afterwards. The balance never goes below zero.',
        params: IdParams,
        headers: idempotencyHeader,
        body: TopUpSchema,
        response: answers({ 200: BalanceSchema }),
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const work = () => engine.money.topUp(principalOf(request), id, request.body)
      return once(engine, request, reply, { body: request.body, work })
    },
  )
  usageRoute(app, engine)
}

function usageRoute(app: App, engine: EngineApi): void {
  app.get(
    '/v1/usage',
    {
      config: { auth: 'any', download: true },
      exposeHeadRoute: false,
      schema: {
        ...about,
        summary: 'What was sent, what became of it and what it cost',
        description: 'An account sees its own, the admin everything, or one account.',
        querystring: UsageQuerySchema,
        response: answers({ 200: { description: 'Usage, by what was asked for.', content: usageContent } }),
      },
    },
    async (request, reply) => {
      const { format = 'json', limit = 200, cursor, by: names = 'day,country,channel', ...rest } = request.query
      const by = names.split(',') as UsageDimension[]
      const principal = principalOf(request)
      if (format === 'json') return reply.send(await engine.money.usage(principal, { ...rest, by }, { limit, cursor }))
      const items = engine.money.usageItems(principal, { ...rest, by })
      const pieces = format === 'csv' ? csvPieces(items) : jsonPieces(items)
      return await sendCsv(reply, pieces, { file: `usage.${format}`, type: types[format] })
    },
  )
}

const columns = [
  ...['account', 'day', 'country', 'channel', 'currency', 'rows', 'parts', 'price', 'partsSent', 'cost', 'pending'],
  ...['sent', 'delivered', 'undelivered', 'failed', 'expired', 'canceled', 'unknown', 'deliveryRate'],
] as const satisfies (keyof UsageItem)[]

async function* csvPieces(items: AsyncIterable<UsageItem>): AsyncIterable<string> {
  yield `${columns.join(',')},receiptDelayMsP50,receiptDelayMsP95\r\n`
  yield* inPieces(items, (item) => {
    const delays = [item.receiptDelayMs?.p50 ?? null, item.receiptDelayMs?.p95 ?? null]
    const cells = [...columns.map((column) => item[column]), ...delays]
    return `${cells.map(cell).join(',')}\r\n`
  })
}

/** Numbers of ours are no formulas and stay numbers. */
function cell(value: string | number | null): string {
  return typeof value === 'number' ? String(value) : csvCell(value ?? '')
}

function jsonPieces(items: AsyncIterable<UsageItem>): AsyncIterable<string> {
  return inPieces(items, (item) => `${JSON.stringify(item)}\n`)
}

async function* inPieces(items: AsyncIterable<UsageItem>, line: (item: UsageItem) => string): AsyncIterable<string> {
  let lines: string[] = []
  for await (const item of items) {
    lines.push(line(item))
    if (lines.length < LINES_PER_PIECE) continue
    yield lines.join('')
    lines = []
  }
  yield lines.join('')
}
