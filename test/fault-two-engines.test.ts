/**
 * One data directory, several processes: a second engine ends at once and says why, by whatever path it comes; commands that
 * need the directory for themselves are refused; a reader that is killed holds nothing (reliability.md F29).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { run } from './cli-run.js'

const CLI = fileURLToPath(new URL('../src/cli.js', import.meta.url))
const LMDB = import.meta.resolve('lmdb')
const HELD = /Another engine is running on the data directory/
const NUMBER_BYTES = 4
const LOOK_MS = 50
t.setTimeout(580_000)

interface Serving {
  process: ChildProcess
  /** Null: it ended before it listened. */
  url: string | null
  /** Of one that ended. */
  said: string
}

const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-two-'))
const dataDir = path.join(folder, 'data')
const running = new Set<ChildProcess>()
t.teardown(() => {
  for (const child of running) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** A configuration file for the directory as it is written here. */
function configOf(name: string, dataDir: string): string {
  const file = path.join(folder, `${name}.yaml`)
  writeFileSync(file, `dataDir: ${JSON.stringify(dataDir)}\nlogLevel: warn\nhttp: { port: 0 }\n`)
  return file
}

/** Until it listens or has ended. `before`: a command of the shell that runs first. */
async function serve(config: string, options: { cwd?: string; before?: string } = {}): Promise<Serving> {
  const { NODE_OPTIONS: _tap, ...env } = process.env
  const script = `${options.before ?? ':'} && exec "$0" "$@"`
  const shell = options.before === undefined ? ['sh'] : ['unshare', '-m', 'sh']
  const args = [...shell.slice(1), '-c', script, process.execPath, CLI, 'serve', '--config', config]
  const child = spawn(shell[0]!, args, { cwd: options.cwd, env, stdio: ['ignore', 'ignore', 'pipe'] })
  running.add(child)
  let said = ''
  const lines = createInterface(child.stderr!)
  const listens = new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      said += `${line}\n`
      const url = /listens on (\S+)/.exec(line)?.[1]
      if (url !== undefined) resolve(url)
    })
  })
  const ended = once(child, 'close').then(() => {
    running.delete(child)
    return null
  })
  return { process: child, url: await Promise.race([listens, ended]), said }
}

async function kill({ process: child }: Serving): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'close')
}

function refused(t: Test, second: Serving, how: string): void {
  t.equal(second.url, null, `${how}: it does not run`)
  t.equal(second.process.exitCode, 1, `${how}: exit code`)
  t.match(second.said, HELD, `${how}: says why`)
  t.notMatch(second.said, /at .*\.js:\d+/, `${how}: no stack`)
}

/** Of this file system, by an unprivileged way too: what another process sees as its root is the same. */
function mounted(pid: number): { before?: string; dataDir: string } {
  const place = path.join(folder, 'mounted')
  mkdirSync(place)
  try {
    execFileSync('unshare', ['-m', 'mount', '--bind', dataDir, place], { stdio: 'ignore' })
    return { before: `mount --bind '${dataDir}' '${place}'`, dataDir: place }
  } catch {
    return { dataDir: `/proc/${pid}/root${dataDir}` }
  }
}

/** Slots of the store's lock file that belong to a process. */
function readerSlots(pid: number): number {
  const lock = readFileSync(path.join(dataDir, 'queue', 'lock.mdb'))
  let slots = 0
  for (let at = 0; at + NUMBER_BYTES <= lock.length; at += NUMBER_BYTES) if (lock.readInt32LE(at) === pid) slots++
  return slots
}

const config = configOf('first', dataDir)

t.test('a second engine ends at once, by whatever path it comes', async (t) => {
  const first = await serve(config)
  t.ok(first.url, first.said)
  refused(t, await serve(config), 'the same configuration')
  const link = path.join(folder, 'link')
  symlinkSync(dataDir, link)
  refused(t, await serve(configOf('link', link)), 'a symbolic link')
  refused(t, await serve(configOf('relative', './data'), { cwd: folder }), 'a relative path')
  const { before, dataDir: place } = mounted(first.process.pid!)
  refused(t, await serve(configOf('mounted', place), before === undefined ? {} : { before }), 'a mounted directory')
  t.equal((await fetch(`${first.url}/healthz`)).status, 200, 'the first goes on')
  await kill(first)
  const next = await serve(config)
  t.ok(next.url, `after a kill it starts: ${next.said}`)
  await kill(next)
})

t.test('of two that are started at the same moment one runs', async (t) => {
  for (let round = 0; round < 2; round++) {
    const both = await Promise.all([serve(config), serve(config)])
    const [up, down] = both[0].url === null ? [both[1], both[0]] : both
    t.ok(up.url, up.said)
    refused(t, down, 'the other')
    await kill(up)
  }
})

t.test('commands beside an engine go through it or are refused', async (t) => {
  const first = await serve(config)
  const at = ['--data-dir', dataDir]
  const backup = path.join(folder, 'backup')
  const env = { TRUNKLINE_URL: first.url!, TRUNKLINE_KEY: readFileSync(path.join(dataDir, 'admin.key'), 'utf8').trim() }
  const made = await run(['backup', backup, ...at], { env })
  t.equal(made.code, 0, `a backup is made by the engine: ${made.stderr}`)
  for (const command of [['verify'], ['compact'], ['restore', backup]]) {
    const { code, stderr } = await run([...command, ...at])
    t.equal(code, 1, `${command[0]}: exit code`)
    t.match(stderr, /an engine is running on/, `${command[0]}: says why`)
  }
  const erased = await run(['erase', '+447710000000'], { env })
  t.equal(erased.code, 0, `an erasure is made by the engine: ${erased.stderr}`)
  t.equal((await fetch(`${first.url}/healthz`)).status, 200, 'the engine goes on')
  await kill(first)
  const whole = await run(['verify', ...at])
  t.equal(whole.code, 0, `and its data is whole: ${whole.stdout}${whole.stderr}`)
})

t.test('a reader that is killed is forgotten', async (t) => {
  const first = await serve(config)
  const script = `import { open } from ${JSON.stringify(LMDB)}
const root = open({ path: ${JSON.stringify(path.join(dataDir, 'queue'))}, readOnly: true })
root.useReadTransaction()
console.log('reads')
setInterval(() => {}, 1000)`
  const { NODE_OPTIONS: _tap, ...env } = process.env
  const args = ['--input-type=module', '-e', script]
  const reader = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  running.add(reader)
  await once(createInterface(reader.stdout!), 'line')
  t.ok(readerSlots(reader.pid!) > 0, 'while it reads, the store knows it')
  reader.kill('SIGKILL')
  await once(reader, 'close')
  running.delete(reader)
  // Else all that is written from now on would stay in the file.
  while (readerSlots(reader.pid!) > 0) await pause(LOOK_MS)
  t.equal((await fetch(`${first.url}/healthz`)).status, 200)
  await kill(first)
})
