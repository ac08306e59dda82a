#!/usr/bin/env node
/** The command line: picks the command, turns what it throws into an exit code. 0 ok, 1 the work failed, 2 wrong use. */
import { type Command, CommandError, UsageError } from './cli/command.js'
import { print, printError } from './cli/output.js'
import { EngineError } from './engine/contract/errors.js'
import { productVersion } from './product-version.js'

interface Entry {
  /** One line in the list of commands. */
  summary: string
  /** Loaded when asked for: a list of jobs need not wait for the engine to be read from disk. */
  load(): Promise<Command>
}

const commands: Record<string, Entry> = {
  serve: { summary: 'run the engine', load: async () => (await import('./cli/serve.js')).serve },
  demo: {
    summary: 'the whole thing once, against a simulated carrier',
    load: async () => (await import('./cli/demo.js')).demo,
  },
  send: { summary: 'send a CSV file through a running server', load: async () => (await import('./cli/send.js')).send },
  check: {
    summary: 'dry run of a CSV file: columns, rendered rows, reasons, parts',
    load: async () => (await import('./cli/check.js')).check,
  },
  jobs: { summary: 'list the jobs, or show one', load: async () => (await import('./cli/jobs.js')).jobs },
  profile: {
    summary: 'saved settings for files; a new one from a sample file',
    load: async () => (await import('./cli/profile.js')).profile,
  },
  drops: {
    summary: 'list the dropped files, or show one',
    load: async () => (await import('./cli/drops.js')).drops,
  },
  recordings: {
    summary: 'WAV files that calls play; hear how a text sounds',
    load: async () => (await import('./cli/recordings.js')).recordings,
  },
  carriers: {
    summary: 'list the carriers with the state of each bind',
    load: async () => (await import('./cli/carriers.js')).carriers,
  },
  top: {
    summary: 'live view of carriers, binds and jobs',
    load: async () => (await import('./cli/top.js')).top,
  },
  trace: {
    summary: 'PDUs of a live carrier, decoded, or as a capture file',
    load: async () => (await import('./cli/trace.js')).trace,
  },
  smsc: { summary: 'run the carrier simulator', load: async () => (await import('./cli/smsc.js')).smsc },
  gateway: {
    summary: 'run the SIP gateway simulator, with telephones',
    load: async () => (await import('./cli/gateway.js')).gateway,
  },
  erase: {
    summary: 'erase everything of a number or email address',
    load: async () => (await import('./cli/erase.js')).erase,
  },
  compact: {
    summary: 'rewrite the store without what was erased, while no engine runs',
    load: async () => (await import('./cli/compact.js')).compact,
  },
  backup: {
    summary: 'copy one moment of the data directory, also while the engine runs',
    load: async () => (await import('./cli/backup.js')).backup,
  },
  restore: {
    summary: 'make the data directory from a backup',
    load: async () => (await import('./cli/restore.js')).restore,
  },
  verify: {
    summary: 'read every record of a data directory or a backup',
    load: async () => (await import('./cli/verify.js')).verify,
  },
  config: {
    summary: 'config check: validate the configuration file',
    load: async () => (await import('./cli/config-check.js')).configCheck,
  },
}

function overview(): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`)
  return [
    'Usage: trunkline COMMAND [options]',
    '',
    ...rows,
    '',
    'trunkline COMMAND --help tells more. Exit codes: 0 ok, 1 the work failed, 2 wrong use.',
    'TRUNKLINE_URL and TRUNKLINE_KEY stand for --url and --key.',
    '',
    'Example:',
    '  trunkline demo',
  ].join('\n')
}

async function main(argv: string[]): Promise<number> {
  const [name, ...rest] = argv
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    print(overview())
    return name === undefined ? 2 : 0
  }
  if (name === '--version' || name === '-v') {
    print(productVersion())
    return 0
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (entry === undefined) {
    printError(`trunkline: there is no command "${name}"; there are: ${Object.keys(commands).join(', ')}`)
    return 2
  }
  try {
    const command = await entry.load()
    if (rest.includes('--help') || rest.includes('-h')) {
      print(command.help)
      return 0
    }
    return await command.run(rest)
  } catch (error) {
    return exitCode(name, error)
  }
}

function exitCode(name: string, error: unknown): number {
  if (error instanceof UsageError) {
    printError(`trunkline ${name}: ${error.message}. See: trunkline ${name} --help`)
    return 2
  }
  if (error instanceof CommandError) printError(`trunkline ${name}: ${error.message}`)
  else if (error instanceof EngineError) {
    const fields = error.fields.map(({ pointer, message }) => `\n  ${pointer}: ${message}`)
    printError(`trunkline ${name}: ${error.code}: ${error.message}${fields.join('')}`)
  } else printError(`trunkline ${name}: ${error instanceof Error ? error.stack : String(error)}`)
  return 1
}

const code = await main(process.argv.slice(2))
// What was printed into a pipe is written to its end; then nothing that a failed start left behind keeps us alive.
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
process.exit(code)
