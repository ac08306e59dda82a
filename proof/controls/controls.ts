/** `npm run controls`: breaks one rule after another, and sees each found. Exit code 1: one was not. */
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { root } from './broken-build.js'
import type { Control } from './control.js'
import { controls } from './list.js'
import { ControlRuns, type Verdict } from './run-control.js'

const HELP = `Usage: npm run controls -- [--only NAME]…

Builds the product with one rule broken each, and runs the check that must find it: on the sound build, where it must
pass, then on the broken one. Prints a line a control; exit code 1 when one was not found.

  --only NAME   this one alone; may be given again
  --list        names and what they break

Example:
  npm run controls -- --only slot-without-cap`

function chosen(names: readonly string[] | undefined): Control[] {
  if (names === undefined) return [...controls]
  return names.map((name) => {
    const control = controls.find((one) => one.name === name)
    if (control === undefined) throw new RangeError(`no control is named ${name}; --list shows them`)
    return control
  })
}

/** How a miss is seen again. */
function replay(name: string): string {
  return `commit ${commit()}, layer controls; again: npm run controls -- --only ${name}`
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', cwd: root }).trim()
  } catch {
    return 'unknown'
  }
}

function line({ control, problem, found, seconds }: Verdict): string {
  const { name, promise, breaks } = control
  const by = problem === null ? `found: ${found[0]!.trim()}` : `NOT FOUND: ${problem}\n${replay(name)}`
  return `${promise.padEnd(4)} ${name.padEnd(24)} ${seconds.toFixed(1).padStart(5)} s  ${breaks}\n${' '.repeat(5)}${by}`
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      list: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    console.log(HELP)
    return 0
  }
  if (values.list === true) {
    for (const { name, promise, breaks } of controls) console.log(`${promise.padEnd(4)} ${name.padEnd(24)} ${breaks}`)
    return 0
  }
  const runs = new ControlRuns()
  let missed = 0
  for (const control of chosen(values.only)) {
    const verdict = await runs.verdict(control)
    if (verdict.problem !== null) missed++
    console.log(line(verdict))
  }
  console.log(missed === 0 ? 'each was found' : `${missed} not found`)
  return missed === 0 ? 0 : 1
}

process.exitCode = await main().catch((error: Error) => {
  console.error(error instanceof RangeError || error instanceof TypeError ? error.message : error)
  return 1
})
