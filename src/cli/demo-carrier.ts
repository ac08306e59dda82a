/** The demo's carriers: simulators in processes of their own, so that the engine meets real sockets. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'
import type { GatewayStats } from '../sip/simulator/gateway-stats.js'
import type { SmscStats } from '../smpp/simulator/smsc-stats.js'
import { CommandError } from './command.js'

export interface DemoCarrier<Stats> {
  port: number
  /** What it counts at this moment. */
  stats(): Promise<Stats>
  /** Ends the process and answers what it counted by itself. */
  stop(): Promise<Stats>
}

const LATENCY_MS = 5
const RECEIPT_DELAY_MS = 150
const RING_MS = 400

/** `cli` is the compiled command line. */
export function startDemoCarrier(cli: string, ledger: string): Promise<DemoCarrier<SmscStats>> {
  const times = ['--latency-ms', String(LATENCY_MS), '--dlr-delay-ms', String(RECEIPT_DELAY_MS)]
  return start(cli, ['smsc', '--port', '0', '--ledger', ledger, ...times])
}

/** Telephones that answer, but for a few by their last digits. `heard`: folder of what they heard. */
export function startDemoGateway(
  cli: string,
  { ledger, heard, endings }: { ledger: string; heard: string; endings: string },
): Promise<DemoCarrier<GatewayStats>> {
  const kept = ['--ledger', ledger, '--record', heard]
  return start(cli, ['gateway', '--port', '0', '--ring-ms', String(RING_MS), '--endings', endings, ...kept])
}

/** Resolves once the simulator listens. It ends with us, by its IPC channel. */
async function start<Stats>(cli: string, args: string[]): Promise<DemoCarrier<Stats>> {
  const child = spawn(
    process.execPath,
    [cli, ...args, '--stats-port', '0'],
    // A group of its own: Ctrl-C in the terminal is for us, who then end it.
    { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], detached: true },
  )
  const lines = createInterface({ input: child.stdout! })
  const { listening } = (await nextLine(child, lines)) as { listening: { port: number; statsPort: number } }
  return {
    port: listening.port,
    stats: async () => (await (await fetch(`http://127.0.0.1:${listening.statsPort}/`)).json()) as Stats,
    stop: async () => {
      const last = nextLine(child, lines)
      child.kill('SIGTERM')
      return (await last) as Stats
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
