/** The demo's carrier: the simulator in a process of its own, so that the engine meets a real socket. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'
import type { SmscStats } from '../smpp/simulator/smsc-stats.js'
import { CommandError } from './command.js'

export interface DemoCarrier {
  port: number
  /** Ends the process and answers what it counted by itself. */
  stop(): Promise<SmscStats>
}

const LATENCY_MS = 5
const RECEIPT_DELAY_MS = 150

/** Resolves once the simulator listens. `cli` is the compiled command line. It ends with us, by its IPC channel. */
export async function startDemoCarrier(cli: string, ledger: string): Promise<DemoCarrier> {
  const child = spawn(
    process.execPath,
    [
      ...[cli, 'smsc', '--port', '0', '--ledger', ledger],
      ...['--latency-ms', String(LATENCY_MS), '--dlr-delay-ms', String(RECEIPT_DELAY_MS)],
    ],
    // A group of its own: Ctrl-C in the terminal is for us, who then end it.
    { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], detached: true },
  )
  const lines = createInterface({ input: child.stdout! })
  const first = (await nextLine(child, lines)) as { listening: { port: number } }
  return {
    port: first.listening.port,
    stop: async () => {
      const last = nextLine(child, lines)
      child.kill('SIGTERM')
      return (await last) as SmscStats
    },
  }
}

async function nextLine(child: ChildProcess, lines: Interface): Promise<unknown> {
  const line = new Promise<string>((resolve, reject) => {
    lines.once('line', resolve)
    child.once('close', (code) => reject(new CommandError(`the simulated carrier ended with ${code}`)))
  })
  return JSON.parse(await line)
}
