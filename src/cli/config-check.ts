/** `trunkline config check`: is the configuration file right, and if not, which key on which line. */

import { loadConfig } from '../engine/config/load.js'
import { EngineError } from '../engine/contract/errors.js'
import { type Command, readArguments, textOption, UsageError } from './command.js'
import { defaultConfigFile } from './config-file.js'
import { print, printError, printJson } from './output.js'

export const configCheck: Command = {
  help: `Usage: trunkline config check [FILE] [--json]
       trunkline config check --config FILE

Reads the file (default: trunkline.yaml) as serve would, and names each wrong key with its line.

Example:
  trunkline config check examples/trunkline.yaml`,

  async run(argv) {
    const { values, positionals } = readArguments(argv, { json: { type: 'boolean' }, config: { type: 'string' } }, 2)
    if (positionals[0] !== 'check') throw new UsageError('config knows one thing to do: trunkline config check [FILE]')
    const file = positionals[1] ?? textOption(values, 'config') ?? defaultConfigFile()
    const isJson = values.json === true
    try {
      const { carriers, routes } = loadConfig(file)
      const found = { ok: true, file, carriers: carriers.map(({ id }) => id), routes: routes.length }
      if (isJson) printJson(found)
      else print(`${file ?? 'no file, so the defaults'}: ok, ${carriers.length} carriers, ${routes.length} routes`)
      return 0
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      const errors = error.message.split('\n')
      if (isJson) printJson({ ok: false, file, errors })
      else for (const line of errors) printError(line)
      return 1
    }
  },
}
