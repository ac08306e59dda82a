/**
 * Benchmarks of this tree and of another commit in turn, in one run: what a change costs or saves.
 *
 *   npm run bench:compare -- BASE [SECTION …] [--rounds R]     e.g. npm run bench:compare -- HEAD~3 store submit
 *
 * BASE is built in a temporary worktree with the packages of this one. Each commit runs its own benchmarks; rows that both have
 * are set side by side. Without a SECTION: store, csv, submit and end-to-end.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type BenchRow, median } from './bench.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const USUAL = ['store', 'csv', 'submit', 'end-to-end']

/** Runs one section of a tree and gives its rows. */
const RUN = `
const { bench } = await import(process.argv[1])
process.send(await bench())
process.disconnect()
`

/** The tree of a commit, built; the caller removes it with `git worktree remove`. */
function build(commit: string): string {
  const tree = path.join(mkdtempSync(path.join(tmpdir(), 'trunkline-compare-')), 'tree')
  execFileSync('git', ['worktree', 'add', '--detach', tree, commit], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  symlinkSync(path.join(root, 'node_modules'), path.join(tree, 'node_modules'))
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: tree, stdio: ['ignore', 'ignore', 'inherit'] })
  return tree
}

/** Nothing where the tree has no such section. */
async function run(tree: string, section: string): Promise<BenchRow[]> {
  const file = path.join(tree, 'build/bench', `${section}.js`)
  if (!existsSync(file)) return []
  const child = spawn(process.execPath, ['--input-type=module', '-e', RUN, file], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    cwd: tree,
  })
  let rows: BenchRow[] | null = null
  child.on('message', (message) => {
    rows = message as BenchRow[]
  })
  const [code] = await once(child, 'exit')
  if (rows === null) throw new Error(`${section} of ${tree} ended with ${code}`)
  return rows
}

/** Of each row its values, a round each, by name. */
class Values {
  readonly units = new Map<string, string>()
  readonly #values = new Map<string, number[]>()

  add(rows: BenchRow[]): void {
    for (const { name, value, unit } of rows) {
      this.units.set(name, unit)
      const known = this.#values.get(name)
      if (known === undefined) this.#values.set(name, [value])
      else known.push(value)
    }
  }

  middle(name: string): number | null {
    const values = this.#values.get(name)
    return values === undefined ? null : median(values)
  }
}

async function compare(trees: { base: string; here: string }, section: string, rounds: number): Promise<void> {
  const [before, after] = [new Values(), new Values()]
  for (let round = 0; round < rounds; round++) {
    before.add(await run(trees.base, section))
    after.add(await run(trees.here, section))
    process.stderr.write(`${section}: round ${round + 1} of ${rounds}\n`)
  }
  console.log(`\n${section}`)
  for (const [name, unit] of after.units) {
    const [was, is] = [before.middle(name), after.middle(name)]
    if (was === null || is === null) continue
    console.log(`  ${name}: ${was.toPrecision(4)} → ${is.toPrecision(4)} ${unit}, ${(is / was).toFixed(3)} ×`)
  }
}

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '3' } },
  allowPositionals: true,
})
const [commit, ...sections] = positionals
if (commit === undefined) {
  console.error('which commit? npm run bench:compare -- BASE [SECTION …] [--rounds R]')
  process.exit(2)
}
const base = build(commit)
try {
  for (const section of sections.length > 0 ? sections : USUAL) {
    await compare({ base, here: root }, section, Number(values.rounds))
  }
} finally {
  execFileSync('git', ['worktree', 'remove', '--force', base], { cwd: root })
  rmSync(path.dirname(base), { recursive: true, force: true })
}
