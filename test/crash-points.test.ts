/** The table of crash points says what is in the code, no more and no less; none is armed by itself (reliability.md F2). */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { CRASH_POINTS } from '../src/engine/base/crash-points.js'

const source = fileURLToPath(new URL('../../src/', import.meta.url))
const module = fileURLToPath(new URL('../src/engine/base/crash-point.js', import.meta.url))

t.test(
  'each point of the table stands once in the code, and none stands there that the table does not name',
  async (t) => {
    const passed: string[] = []
    for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue
      for (const [, name] of readFileSync(source + file, 'utf8').matchAll(/\bcrashPoint\('([^']*)'\)/g))
        passed.push(name!)
    }
    t.strictSame(passed.sort(), Object.keys(CRASH_POINTS).sort())
  },
)

t.test('each point has a workload that crosses it', async (t) => {
  const groups = readFileSync(fileURLToPath(new URL('../../proof/crashes/crash-groups.ts', import.meta.url)), 'utf8')
  t.strictSame(
    Object.keys(CRASH_POINTS).filter((name) => !groups.includes(`'${name}': `)),
    [],
  )
})

/** Ends as the process did that passed `range-stored` three times. */
function passes(armed: string): { signal: string | null; status: number | null; said: string; passed: string } {
  const script = `
    const { armCrashPoint, crashPoint } = await import(${JSON.stringify(module)})
    ${armed}
    for (let n = 1; n <= 3; n++) {
      console.log(n)
      crashPoint('range-stored')
    }`
  const { signal, status, stderr, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  return { signal, status, said: stderr, passed: stdout.trim().replaceAll('\n', ' ') }
}

t.test(
  'the process dies at the passage that was asked for, and says where; of other threads nothing is armed',
  async (t) => {
    t.match(passes(''), { signal: null, status: 0, passed: '1 2 3' })
    t.match(passes(`armCrashPoint(null, 'ingest')`), { signal: null, status: 0, passed: '1 2 3' })
    t.match(passes(`armCrashPoint('range-stored:2', 'ingest')`), {
      signal: 'SIGKILL',
      said: /^crash point range-stored\n$/,
      passed: '1 2',
    })
    t.match(passes(`armCrashPoint('range-stored:2', 'main')`), { signal: null, status: 0, passed: '1 2 3' })
    t.match(passes(`armCrashPoint('row-read:1', 'ingest')`), { signal: null, status: 0, passed: '1 2 3' })
  },
)

t.test('what cannot be armed is refused, not passed over in silence', async (t) => {
  for (const wrong of ['', 'range-stored', 'range-stored:0', 'range-stored:x', 'no-such-point:1', 'toString:1']) {
    const { status, said } = passes(`armCrashPoint(${JSON.stringify(wrong)}, 'ingest')`)
    t.equal(status, 1, wrong)
    t.match(said, /AssertionError.*CRASH_AT/)
  }
})
