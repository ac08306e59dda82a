/** `trunkline serve`: the engine until SIGTERM or SIGINT. */
import { loadConfig } from '../engine/config/load.js'
import { createLog } from '../engine/observe/log.js'
import { startServer } from '../start.js'
import { type Command, readArguments, textOption } from './command.js'
import { defaultConfigFile } from './config-file.js'
import { printError } from './output.js'

export const serve: Command = {
  help: `Usage: trunkline serve [--config trunkline.yaml]

Runs until SIGTERM or SIGINT, then stops taking work, waits for open answers (at most shutdownSeconds), unbinds,
and exits 0. A second signal ends it at once. Without a file the defaults hold: data in ./trunkline-data, HTTP on
127.0.0.1:8080, no carriers. The admin key is in dataDir/admin.key. The log is JSON on stdout.

Example:
  trunkline serve --config trunkline.yaml`,

  async run(argv) {
    const { values } = readArguments(argv, { config: { type: 'string' } }, 0)
    const config = loadConfig(textOption(values, 'config') ?? defaultConfigFile())
    const server = await startServer(config, { log: createLog(config.logLevel) })
    const stopped = firstSignal()
    printError(`trunkline listens on ${server.url}`)
    await stopped
    await server.stop()
    return 0
  },
}

/** Resolves at the first signal; the second one ends the process, for the operator who will not wait. */
function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    let isStopping = false
    const onSignal = (): void => {
      if (isStopping) process.exit(1)
      isStopping = true
      printError('stopping; a second signal ends it at once')
      resolve()
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}
