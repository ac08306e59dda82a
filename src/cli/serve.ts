/** `trunkline serve`: the engine until SIGTERM or SIGINT. */
import { loadConfig } from '../engine/config/load.js'
import type { Config } from '../engine/config/schema.js'
import { createLog } from '../engine/observe/log.js'
import { type RunningServer, startServer } from '../start.js'
import { type Command, readArguments, textOption } from './command.js'
import { defaultConfigFile } from './config-file.js'
import { printError } from './output.js'
import { reloadLine, waitsForRestart } from './reload.js'

export const serve: Command = {
  help: `Usage: trunkline serve [--config trunkline.yaml]

Runs until SIGTERM or SIGINT, then stops taking work, waits for open answers (at most shutdownSeconds), unbinds,
and exits 0. A second signal ends it at once. SIGHUP reads the file again and applies carriers, routes and rates without
dropping a healthy bind; what else differs is named and waits for a restart, and a file that is wrong changes nothing. Without a file the defaults hold: data in ./trunkline-data, HTTP on
127.0.0.1:8080, no carriers. The admin key is in dataDir/admin.key. The log is JSON on stdout.

Example:
  trunkline serve --config trunkline.yaml`,

  async run(argv) {
    const { values } = readArguments(argv, { config: { type: 'string' } }, 0)
    const file = textOption(values, 'config') ?? defaultConfigFile()
    const config = loadConfig(file)
    // From the beginning: HTTP answers before all of the start is done, and whoever sees that may signal.
    const stopped = firstSignal()
    const server = await startServer(config, { log: createLog(config.logLevel) })
    reloadAtSighup(file, config, server)
    printError(`trunkline listens on ${server.url}`)
    await stopped
    await server.stop()
    return 0
  },
}

/** One at a time; a file that cannot be read or is wrong changes nothing. */
function reloadAtSighup(file: string | null, started: Config, server: RunningServer): void {
  let before: Promise<void> = Promise.resolve()
  process.on('SIGHUP', () => {
    before = before.then(() => reloadOnce(file, started, server))
  })
}

async function reloadOnce(file: string | null, started: Config, server: RunningServer): Promise<void> {
  try {
    const fresh = loadConfig(file)
    const changed = await server.reload(fresh)
    printError(`configuration read again: ${reloadLine(changed, waitsForRestart(started, fresh))}`)
  } catch (error) {
    printError(`configuration not read again, the former one stays in force: ${(error as Error).message}`)
  }
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
