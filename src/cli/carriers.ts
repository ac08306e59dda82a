/** `trunkline carriers`: each carrier with the state of its binds. */
import type { BindView, CarrierView } from '../engine/contract/channel.js'
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
  const rows = items.flatMap((carrier) =>
    carrier.binds.map((bind) => [
      carrier.id,
      carrier.protocol,
      sendingOf(carrier),
      rateOf(carrier),
      bind.index,
      bind.state,
      `${bind.inFlight}/${bind.windowNow}`,
      bind.host ?? '',
      troubleOf(bind),
    ]),
  )
  const binds = table(
    ['carrier', 'protocol', 'sending', 'rate', 'bind', 'state', 'in flight', 'host', 'last error'],
    rows,
  )
  const actions = items.flatMap(({ id, actions }) =>
    actions.map(({ at, action, reason, until }) => [id, action, reason, at, until ?? 'open']),
  )
  if (actions.length === 0) return binds
  return `${binds}\n\n${table(['carrier', 'by itself', 'because', 'since', 'until'], actions)}`
}

/** Why it is not bound, and when it is tried again. */
function troubleOf({ lastError, retryInMs }: BindView): string {
  if (lastError === null) return ''
  return retryInMs == null ? lastError : `${lastError}; next try in ${Math.ceil(retryInMs / 1000)} s`
}

function sendingOf({ paused, actions }: CarrierView): string {
  const held = actions.find(({ action }) => action === 'stopped' || action === 'suspended')
  return paused ? 'paused' : (held?.action ?? 'running')
}

/** The rate in force, with the agreed one where that is another. */
function rateOf({ ratePerSecond, rateNowPerSecond }: CarrierView): string {
  if (rateNowPerSecond === null) return 'no limit'
  const now = `${Math.round(rateNowPerSecond * 10) / 10}/s`
  return rateNowPerSecond === ratePerSecond
    ? now
    : `${now} of ${ratePerSecond === null ? 'no limit' : `${ratePerSecond}/s`}`
}
