/** `trunkline drops`: dropped files and what became of them, or one of them; with --watch until it has ended. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Page } from '../engine/contract/api.js'
import { DROP_STATES, type DropView } from '../engine/contract/drops.js'
import { type ReasonCode, reasonHelp } from '../engine/contract/reasons.js'
import { ApiClient } from './client.js'
import {
  type Command,
  clientHelp,
  clientOptions,
  listQuery,
  type OptionTable,
  readArguments,
  targetOf,
  UsageError,
} from './command.js'
import { ProgressLine, print, printJson, table, whole } from './output.js'

const WATCH_MS = 500

const options: OptionTable = {
  ...clientOptions,
  state: { type: 'string' },
  since: { type: 'string' },
  account: { type: 'string' },
  limit: { type: 'string' },
  watch: { type: 'boolean' },
}

export const drops: Command = {
  help: `Usage: trunkline drops [DROP_ID] [options]

Files that were put into the drop folder, newest first: ${DROP_STATES.join(', ')}.
With an id that one, and with --watch until all its messages have ended; it exits with 0 only if it did not fail.

  --state STATE    only files in this state
  --since TIME     taken at or after this time, such as 2026-11-22T09:00:00Z
  --account ID     only files of this account (admin key)
  --limit N        at most so many (default 20)
  --watch          with an id: follow it to its end
${clientHelp}

Examples:
  trunkline drops --state failed
  trunkline drops drop_00000001 --watch`,

  async run(argv) {
    const { values, positionals } = readArguments(argv, options, 1)
    const query = listQuery(values, DROP_STATES, ['since', 'account'])
    const client = new ApiClient(targetOf(values))
    const isJson = values.json === true
    const id = positionals[0]
    if (id === undefined && values.watch === true) throw new UsageError('--watch needs the id of a drop')
    if (id !== undefined) {
      const drop = await (values.watch === true ? ended(client, id) : one(client, id))
      if (isJson) printJson(drop)
      else print(summary(drop))
      return drop.state === 'failed' ? 1 : 0
    }
    const page = await client.json<Page<DropView>>('GET', `/v1/drops?${query}`)
    if (isJson) printJson(page)
    else print(page.items.length === 0 ? 'no dropped files' : listing(page.items))
    return 0
  },
}

function one(client: ApiClient, id: string): Promise<DropView> {
  return client.json<DropView>('GET', `/v1/drops/${encodeURIComponent(id)}`)
}

async function ended(client: ApiClient, id: string): Promise<DropView> {
  const line = new ProgressLine()
  for (;;) {
    const drop = await one(client, id)
    const text = `${drop.state}: ${whole(drop.rows)} rows, ${whole(drop.accepted)} accepted, ${whole(drop.sent)} sent, ${whole(drop.delivered)} delivered`
    if (drop.finishedAt !== null) {
      line.end(text)
      return drop
    }
    line.show(text)
    await pause(WATCH_MS)
  }
}

/** Names of files may hold what a terminal would obey. */
function plain(text: string): string {
  return text.replace(/\p{C}/gu, '?')
}

const NAME_CHARS_MAX = 40

/** In a line with others; its beginning and end tell files of a series apart. */
function short(file: string): string {
  const chars = [...plain(file)]
  if (chars.length <= NAME_CHARS_MAX) return chars.join('')
  const half = NAME_CHARS_MAX / 2
  return `${chars.slice(0, half - 1).join('')}…${chars.slice(-half).join('')}`
}

function listing(items: DropView[]): string {
  const header = ['id', 'account', 'file', 'state', 'rows', 'accepted', 'sent', 'delivered', 'started', 'why']
  return table(
    header,
    items.map(({ id, account, file, state, rows, accepted, sent, delivered, startedAt, error }) => [
      ...[id, account, short(file), state],
      ...[rows, accepted, sent, delivered],
      ...[startedAt, error?.code ?? ''],
    ]),
  )
}

function summary(drop: DropView): string {
  const rows: [string, number][] = [
    ['rows', drop.rows],
    ['  accepted', drop.accepted],
    ['    landlines', drop.landlines],
    ['    sent', drop.sent],
    ['      delivered', drop.delivered],
    ['      undelivered', drop.undelivered],
    ['    failed', drop.failed],
    ['  rejected', drop.rejected],
    ['  suppressed', drop.suppressed],
    ['  duplicate', drop.duplicate],
  ]
  const where = drop.storedAs === null ? '' : `, in ${plain(drop.storedAs)}`
  const job = drop.job === null ? '' : ` as ${drop.job}`
  const reasons = Object.entries(drop.rejectedByReason).sort((a, b) => b[1] - a[1])
  return [
    `${drop.id} ${plain(drop.file)}: ${drop.state}${job}${where}`,
    ...(drop.error === null ? [] : [`${drop.error.code}: ${plain(drop.error.detail)}`]),
    table(['', ''], rows).trimStart(),
    ...reasons.map(([code, count]) => `${whole(count)} ${code}: ${reasonHelp(code as ReasonCode)}`),
  ].join('\n')
}
