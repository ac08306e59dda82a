/** `trunkline erase`: everything of one number or email address, and what came of it. */
import { setTimeout as pause } from 'node:timers/promises'
import type { ErasureView } from '../engine/contract/erasures.js'
import { ApiClient } from './client.js'
import {
  type Command,
  clientHelp,
  clientOptions,
  type OptionTable,
  readArguments,
  targetOf,
  textOption,
  UsageError,
} from './command.js'
import { ProgressLine, print, printJson, whole } from './output.js'

const WATCH_MS = 500

const options: OptionTable = { ...clientOptions, account: { type: 'string' } }

export const erase: Command = {
  help: `Usage: trunkline erase NUMBER|EMAIL [options]

Erases what is stored of a telephone number or email address: messages to it and their texts, messages from it, contacts,
automatic events, and its rows in files. What waits to be sent is canceled. Who opted out stays known. The answer says what was
erased, and what stays and why; it is no message of it that is left, only counts, states, times and prices.

  --account ID     with the admin key: only of this account (else of all)
${clientHelp}

Examples:
  trunkline erase +447712345678
  trunkline erase jane@example.com --account acme`,

  async run(argv) {
    const { values, positionals } = readArguments(argv, options, 1)
    const [subject] = positionals
    if (subject === undefined) throw new UsageError('name the number or email address')
    const client = new ApiClient(targetOf(values))
    const account = textOption(values, 'account')
    const order = subject.includes('@') ? { email: subject } : { number: subject }
    const view = await ended(client, { ...order, ...(account === undefined ? {} : { account }) })
    if (values.json === true) printJson(view)
    else print(report(view))
    return 0
  },
}

async function ended(client: ApiClient, order: object): Promise<ErasureView> {
  const line = new ProgressLine()
  let view = await client.json<ErasureView>('POST', '/v1/erasures', order)
  while (view.state === 'running') {
    line.show(`${view.id} ${view.subject}: running`)
    await pause(WATCH_MS)
    view = await client.json<ErasureView>('GET', `/v1/erasures/${view.id}`)
  }
  line.end(`${view.id} ${view.subject}: ${view.state}`)
  return view
}

function report({ erased, kept, account }: ErasureView): string {
  const { messages, canceled, fileLines, contacts, inbound, events, replies, receipts, answers } = erased
  return [
    account === null ? 'of all accounts:' : `of ${account}:`,
    `  ${whole(messages)} messages, of which ${whole(canceled)} waited and were canceled`,
    `  ${whole(inbound)} messages from it, ${whole(contacts)} contacts, ${whole(events)} events`,
    `  ${whole(fileLines)} lines of files, ${whole(replies + receipts + answers)} other notes`,
    'kept:',
    ...kept.map(({ what, count, why }) => `  ${what}${count === null ? '' : ` (${whole(count)})`}: ${why}`),
  ].join('\n')
}
