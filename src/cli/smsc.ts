/** `trunkline smsc`: the carrier simulator on a real socket. */
import { silentLog } from '../engine/contract/log.js'
import { DIALECT_HELP, parseDialect } from '../smpp/simulator/dialect.js'
import { parseFaults } from '../smpp/simulator/faults.js'
import { Smsc } from '../smpp/simulator/smsc.js'
import type { SmscOptions } from '../smpp/simulator/smsc-options.js'
import { parseSubscriberMessage } from '../smpp/simulator/subscriber-pdu.js'
import {
  type Command,
  numberOption,
  type OptionTable,
  portOption,
  readArguments,
  textOption,
  understood,
} from './command.js'
import { liveAsProcess } from './simulator-life.js'

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const options: OptionTable = {
  host: text,
  port: text,
  rate: text,
  'latency-ms': text,
  'dlr-delay-ms': text,
  faults: text,
  dialect: text,
  seed: text,
  ledger: text,
  'stats-port': text,
  'system-id': text,
  password: text,
  'max-binds': text,
  window: text,
  'count-repeats': flag,
  json: flag,
}

export const smsc: Command = {
  help: `Usage: trunkline smsc [options]

A spec-true SMSC for tests and trials: binds, submit_sm, receipts, rate limits, faults. Runs until SIGTERM or SIGINT.
Its first line on stdout is {"listening":{"host":…,"port":…,"statsPort":…}}, its last one its counters, both JSON.

  --host HOST        address (127.0.0.1)
  --port PORT        TCP port, 0 for any free one (2775)
  --rate N           parts per second before it throttles; absent: no limit
  --latency-ms MS    time until it answers (0)
  --dlr-delay-ms MS  time from a part to its receipt (100)
  --faults LIST      separated by commas. Of submits, name=share: throttle[:status], reject[:status], drop, noresp,
                     dupresp, nack, undeliv, norcpt, early; for example throttle=0.01,undeliv=0.02
                     Of sessions, each with :n for the first n alone: bind=STATUS, bindmute, bindbody, noversion,
                     only34, enquire, noenquire, uninvited, nounbind, unbindclose, errbody, errtlv, noid,
                     sequence=N, and after N submits deaf=N, silent=N, cut=N, unbind=N, garbage=N
                     (docs/carriers.md); for example bind=0x05:2,deaf=100:1
  --dialect LIST     how its receipts are written: word=value, separated by commas; any draws each anew (below)
  --seed N           seed of the faults and of what any draws (1)
  --ledger FILE      appends every part that it saw, a line each
  --stats-port PORT  its counters as JSON over HTTP; 0 for any free port. POST /inbound there makes a subscriber send:
                     {"from":"447700900123","to":"60099","text":"STOP"}; answered when it was taken
  --system-id ID, --password P   what a bind must give; absent: anything
  --max-binds N      sessions of one system_id at once
  --window N         counts a session with more requests outstanding as a violation
  --count-repeats    counts different messages and repeats (30 octets of memory a message)
  --json             accepted for uniformity: what it prints is JSON anyway

Words of a dialect, the first value of each being the default; docs/receipts.md explains them:
  ${DIALECT_HELP.replaceAll(', ', '\n  ')}

Examples:
  trunkline smsc --port 2775 --rate 500 --dlr-delay-ms 2000
  trunkline smsc --dialect ids=decToHex,carries=text,spacing=double,intermediate=0.2`,

  async run(argv) {
    const { values } = readArguments(argv, options, 0)
    const faults = textOption(values, 'faults')
    if (faults !== undefined) understood(() => parseFaults(faults))
    const dialect = textOption(values, 'dialect')
    if (dialect !== undefined) understood(() => parseDialect(dialect))
    await runSmsc({
      host: textOption(values, 'host') ?? '127.0.0.1',
      port: portOption(values, 'port') ?? 2775,
      ratePerSecond: numberOption(values, 'rate', 1),
      latencyMs: numberOption(values, 'latency-ms') ?? 0,
      receiptDelayMs: numberOption(values, 'dlr-delay-ms') ?? 100,
      faults,
      dialect,
      seed: numberOption(values, 'seed') ?? 1,
      ledgerPath: textOption(values, 'ledger'),
      statsPort: portOption(values, 'stats-port'),
      systemId: textOption(values, 'system-id'),
      password: textOption(values, 'password'),
      maxBinds: numberOption(values, 'max-binds', 1),
      window: numberOption(values, 'window', 1),
      countRepeats: values['count-repeats'] === true,
    })
    return 0
  },
}

export async function runSmsc(options: SmscOptions): Promise<void> {
  const smsc = new Smsc(options, silentLog)
  const { port } = await smsc.listen()
  await liveAsProcess({
    ...{ host: options.host, port, statsPort: options.statsPort },
    stats: () => smsc.stats(),
    // A subscriber sends the message of the body; answered when the peers took all of it.
    posts: { '/inbound': async (body) => ({ pdus: await smsc.subscribers.send(parseSubscriberMessage(body)) }) },
    close: () => smsc.close(),
  })
}
