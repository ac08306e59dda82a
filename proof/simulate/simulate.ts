/** npm run simulate: one seed again, or many one after the other. Tells how to repeat what it finds, and ends with 1 then. */
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import type { Mode } from './plan.js'
import { type RunResult, simulate } from './world.js'

const HELP = `npm run simulate -- [--seed N] [--seeds COUNT] [--mode safety|liveness]

Runs dispatcher, SMPP channels, receipts, opt-outs and webhooks under virtual time, with crashes,
clogged links and store faults, from one seed each, and checks the promises of docs/reliability.md.

  --seed N      the first seed; 1 where it is absent
  --seeds N     so many, from that one on; 1 where it is absent
  --mode M      safety: faults to the end. liveness: faults stop, everything must end. Absent: both.

Example: npm run simulate -- --seed 4711 --mode liveness
         npm run simulate -- --seeds 200000
`
const PROGRESS_MS = 5_000

interface Totals {
  runs: number
  rows: number
  submits: number
  crashes: number
  failures: number
}

function readArguments(): { seed: number; seeds: number; modes: readonly Mode[] } | null {
  const options = { seed: { type: 'string' }, seeds: { type: 'string' }, mode: { type: 'string' } } as const
  const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } })
  if (values.help === true) return null
  const seed = wholeNumber('--seed', values.seed ?? '1')
  const seeds = wholeNumber('--seeds', values.seeds ?? '1')
  const { mode } = values
  if (mode !== undefined && mode !== 'safety' && mode !== 'liveness') throw new Error('--mode is safety or liveness')
  return { seed, seeds, modes: mode === undefined ? ['safety', 'liveness'] : [mode] }
}

function wholeNumber(name: string, text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw new Error(`${name} must be a whole number, not ${text}`)
  return Number(text)
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return 'unknown'
  }
}

function report({ seed, mode, violation, last, hash }: RunResult): void {
  console.error(`FAILED: ${violation!.message}`)
  console.error(`seed ${seed}, commit ${commit()}, layer simulated core, mode ${mode}, hash ${hash}`)
  console.error('The last events:')
  for (const line of last) console.error(`  ${line}`)
  console.error(`Repeat it: npm run simulate -- --seed ${seed} --mode ${mode}`)
}

async function main(): Promise<void> {
  const wanted = readArguments()
  if (wanted === null) {
    console.log(HELP)
    return
  }
  const totals: Totals = { runs: 0, rows: 0, submits: 0, crashes: 0, failures: 0 }
  const startedMs = performance.now()
  let toldMs = startedMs
  for (let seed = wanted.seed; seed < wanted.seed + wanted.seeds; seed++) {
    for (const mode of wanted.modes) {
      const result = await simulate(seed, mode)
      if (wanted.seeds === 1) console.log(`seed ${seed}, ${mode}: hash ${result.hash}, ${summary(result)}`)
      add(totals, result)
      if (result.violation !== null) report(result)
    }
    if (performance.now() - toldMs < PROGRESS_MS) continue
    toldMs = performance.now()
    console.log(`${seed - wanted.seed + 1} of ${wanted.seeds} seeds, ${perSecond(totals, startedMs)}`)
  }
  const { runs, rows, submits, crashes, failures } = totals
  console.log(`${runs} runs, ${rows} messages, ${submits} submits, ${crashes} crashes and stops, ${failures} failures`)
  console.log(perSecond(totals, startedMs))
  if (failures > 0) process.exitCode = 1
}

function add(totals: Totals, { rows, submits, crashes, violation }: RunResult): void {
  totals.runs++
  totals.rows += rows
  totals.submits += submits
  totals.crashes += crashes
  if (violation !== null) totals.failures++
}

function summary({ rows, submits, crashes, virtualMs }: RunResult): string {
  return `${rows} messages, ${submits} submits, ${crashes} crashes and stops, ${(virtualMs / 1000).toFixed(0)} s of virtual time`
}

function perSecond({ runs }: Totals, startedMs: number): string {
  const seconds = (performance.now() - startedMs) / 1000
  return `${(runs / seconds).toFixed(1)} runs a second`
}

await main().catch((error: Error) => {
  console.error(`${error.message}; see --help`)
  process.exitCode = 2
})
