/** `trunkline smsc`: the carrier simulator on a real socket. */
import { runSmsc } from '../smpp/simulator/run.js'
import { type Command, numberOption, readArguments, textOption } from './command.js'

export const smsc: Command = {
  help: `Usage: trunkline smsc [options]

A spec-true SMSC for tests and trials: binds, submit_sm, receipts, rate limits, faults. Runs until SIGTERM or SIGINT.
Its first line on stdout is: smsc listening on HOST:PORT

  --host HOST        address (127.0.0.1)
  --port PORT        TCP port, 0 for any free one (2775)
  --rate N           parts per second before it throttles; absent: no limit
  --latency-ms MS    time until it answers (0)
  --dlr-delay-ms MS  time from its answer to the receipt (100)
  --faults SCRIPT    faults, see docs/operating.md
  --seed N           seed of faults and jitter (1)
  --ledger FILE      appends every part that it accepted, a JSON line each
  --stats-port PORT  counters as JSON over HTTP
  --system-id ID, --password P   what a bind must give; absent: anything

Example:
  trunkline smsc --port 2775 --rate 500 --dlr-delay-ms 2000`,

  async run(argv) {
    const text = { type: 'string' } as const
    const { values } = readArguments(
      argv,
      {
        host: text,
        port: text,
        rate: text,
        'latency-ms': text,
        'dlr-delay-ms': text,
        faults: text,
        seed: text,
        ledger: text,
        'stats-port': text,
        'system-id': text,
        password: text,
      },
      0,
    )
    await runSmsc({
      host: textOption(values, 'host') ?? '127.0.0.1',
      port: numberOption(values, 'port') ?? 2775,
      ratePerSecond: numberOption(values, 'rate', 1),
      latencyMs: numberOption(values, 'latency-ms') ?? 0,
      receiptDelayMs: numberOption(values, 'dlr-delay-ms') ?? 100,
      faults: textOption(values, 'faults'),
      seed: numberOption(values, 'seed') ?? 1,
      ledgerPath: textOption(values, 'ledger'),
      statsPort: numberOption(values, 'stats-port'),
      systemId: textOption(values, 'system-id'),
      password: textOption(values, 'password'),
    })
    return 0
  },
}
