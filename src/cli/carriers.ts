/** `trunkline carriers`: each carrier with the state of its binds. */
import type { CarrierView } from '../engine/contract/channel.js'
import { ApiClient } from './client.js'
import { type Command, clientHelp, clientOptions, readArguments, targetOf } from './command.js'
import { print, printJson, table } from './output.js'

export const carriers: Command = {
  help: `Usage: trunkline carriers [options]

Needs the admin key.

${clientHelp}

Example:
  TRUNKLINE_KEY=$(cat trunkline-data/admin.key) trunkline carriers`,

  async run(argv) {
    const { values } = readArguments(argv, clientOptions, 0)
    const client = new ApiClient(targetOf(values))
    const answer = await client.json<{ items: CarrierView[] }>('GET', '/v1/carriers')
    if (values.json === true) printJson(answer)
    else print(answer.items.length === 0 ? 'no carriers are configured' : listing(answer.items))
    return 0
  },
}

function listing(items: CarrierView[]): string {
  const rows = items.flatMap(({ id, protocol, paused, ratePerSecond, binds }) =>
    binds.map((bind) => [
      id,
      protocol,
      paused ? 'paused' : 'running',
      ratePerSecond === null ? 'no limit' : `${ratePerSecond}/s`,
      bind.index,
      bind.state,
      `${bind.inFlight}/${bind.window}`,
      bind.lastError ?? '',
    ]),
  )
  return table(['carrier', 'protocol', 'sending', 'rate', 'bind', 'state', 'in flight', 'last error'], rows)
}
