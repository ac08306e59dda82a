/** npm run torture: real processes, real faults, and a checker that reads only ledgers and the public API. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { soakPage } from './soak-page.js'
import { type TortureResult, torture } from './torture-run.js'

const HELP = `npm run torture -- [--minutes N] [--seed S] [--troubles N] [--rate N] [--page FILE] [--remove]

An engine, simulated carriers with dialects, a receiver of webhooks and a client, each a party of its own with a
ledger, the wires between them through a proxy. The engine is killed at random and at named points, its power is cut,
its writes fail, it is frozen and asked to stop, amid troubles of wires, carriers, receiver and disk. Then all troubles
end, and everything is held against the ledgers. Linux; power cuts and failed writes need gcc.

  --minutes N    how long (5); the last tenth, between one and ten minutes, is calm
  --seed S       of all chance (1)
  --troubles N   series of troubles side by side (2)
  --rate N       messages handed in a second, at most (150)
  --page FILE    writes the counts there as markdown
  --remove       removes ledgers and data also when something is wrong

Exit code 1 when an invariant of docs/reliability.md was broken.

Example: npm run torture -- --minutes 150 --seed 7 --page docs/soak.md
`

const number = { type: 'string' } as const

function readArguments() {
  const { values } = parseArgs({
    options: {
      ...{ minutes: number, seed: number, troubles: number, rate: number, page: { type: 'string' } },
      ...{ remove: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    },
  })
  if (values.help === true) return null
  const minutes = above('--minutes', values.minutes ?? '5')
  const calmMs = Math.min(600_000, Math.max(Math.min(60_000, minutes * 20_000), minutes * 6_000))
  return {
    ...{
      minutes,
      calmMs,
      seed: above('--seed', values.seed ?? '1'),
      troubles: above('--troubles', values.troubles ?? '2'),
    },
    ...{ perSecond: above('--rate', values.rate ?? '150'), page: values.page, keep: values.remove !== true },
  }
}

function above(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`${name} must be a number above 0, not ${text}`)
  return value
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return 'unknown'
  }
}

function printWrong(result: TortureResult, { seed, minutes }: { seed: number; minutes: number }): void {
  for (const { invariant, id, detail } of result.violations) console.error(`FAILED ${invariant} ${id}: ${detail}`)
  console.error(`seed ${seed}, commit ${commit()}, layer real processes`)
  if (result.folder !== null) console.error(`ledgers and data: ${result.folder}`)
  console.error(`Repeat it: npm run torture -- --minutes ${minutes} --seed ${seed}`)
}

async function main(): Promise<number> {
  const options = readArguments()
  if (options === null) {
    console.log(HELP)
    return 0
  }
  const { page, ...rest } = options
  const result = await torture({ ...rest, say: (line) => console.error(line) })
  const text = soakPage(result, { ...options, commit: commit() })
  console.log(text)
  if (page !== undefined) writeFileSync(page, text)
  if (result.violations.length === 0) return 0
  printWrong(result, options)
  return 1
}

// Not left to end by itself: after many cut connections Node 20 was seen to spin for ever in the clean-up of its handles.
try {
  process.exit(await main())
} catch (error) {
  console.error(error)
  console.error(
    `commit ${commit()}, layer real processes; repeat it: npm run torture -- ${process.argv.slice(2).join(' ')}`,
  )
  process.exit(1)
}
