/** The demo's carrier: the simulator in a process of its own, so that the engine meets a real socket. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { CommandError } from './command.js'

export interface DemoCarrier {
  port: number
  /** Ends the process and answers how many parts it accepted, counted in its own ledger. */
  stop(): Promise<number>
}

const LATENCY_MS = 5
const RECEIPT_DELAY_MS = 150

/** Resolves once the simulator listens. `cli` is the compiled command line. */
export async function startDemoCarrier(cli: string, ledger: string): Promise<DemoCarrier> {
  const child = spawn(
    process.execPath,
    [
      ...[cli, 'smsc', '--port', '0', '--ledger', ledger],
      ...['--latency-ms', String(LATENCY_MS), '--dlr-delay-ms', String(RECEIPT_DELAY_MS)],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const endWithUs = (): void => void child.kill('SIGKILL')
  process.once('exit', endWithUs)
  const port = await listeningPort(child)
  return {
    port,
    stop: async () => {
      await end(child)
      process.off('exit', endWithUs)
      return acceptedParts(ledger)
    },
  }
}

async function listeningPort(child: ChildProcess): Promise<number> {
  const lines = createInterface({ input: child.stdout! })
  const ended = once(child, 'exit').then(() => {
    throw new CommandError('the simulated carrier did not start')
  })
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string]
  ended.catch(() => {})
  const port = Number(/:(\d+)$/.exec(line.trim())?.[1])
  if (!Number.isInteger(port)) throw new CommandError(`the simulated carrier said "${line}"`)
  return port
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

async function acceptedParts(ledger: string): Promise<number> {
  let count = 0
  for await (const line of createInterface({ input: createReadStream(ledger) })) {
    if (line.includes('"submit"')) count++
  }
  return count
}
