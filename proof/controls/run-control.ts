/** Runs the check of a control on the sound build, where it must pass, and on the broken one, where it must find what is broken. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import path from 'node:path'
import { brokenBuild, root } from './broken-build.js'
import type { Check, Control } from './control.js'

/** A check that hangs has found nothing. */
const CHECK_MS = 280_000
/** tap hangs its loader on every child, and tells it whose child it is. */
const DROPPED = ['NODE_OPTIONS', 'TAP', 'TAP_CHILD_ID', 'TAP_CHILD_KEY', 'TAP_JOB_ID', 'TAP_GREP', 'TAP_ONLY']
const TEST_SECONDS = 60
/** On a busy machine a kill may come too late to hurt. */
const TRIES = 3

export interface Run {
  /** null: it was ended, by a signal or because it hung. */
  code: number | null
  said: string
  seconds: number
}

export interface Verdict {
  control: Control
  /** null: found; otherwise what is wrong with the control. */
  problem: string | null
  /** Lines of the check that name what it found. */
  found: string[]
  /** Of the run on the broken build. */
  seconds: number
}

/** Of each check that controls have in common one run on the sound build is enough. */
export class ControlRuns {
  readonly #sound = new Map<string, Promise<Run>>()

  async verdict(control: Control): Promise<Verdict> {
    const sound = await this.#soundRun(control.check)
    if (sound.code !== 0) return verdictOf(control, sound, `the check fails on the sound build:\n${tail(sound)}`)
    const copy = brokenBuild(control.patches)
    try {
      return await brokenVerdict(control, copy)
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  }

  #soundRun(check: Check): Promise<Run> {
    const key = JSON.stringify([check.program, check.args, check.only])
    let sound = this.#sound.get(key)
    if (sound === undefined) {
      sound = run(check, root)
      this.#sound.set(key, sound)
    }
    return sound
  }
}

async function brokenVerdict(control: Control, copy: string): Promise<Verdict> {
  let broken = await run(control.check, copy)
  // One that hung would hang again, for longer than anybody waits for the reason.
  for (let left = TRIES - 1; left > 0 && broken.code !== null && problemOf(control, broken) !== null; left--)
    broken = await run(control.check, copy)
  return verdictOf(control, broken, problemOf(control, broken))
}

function problemOf({ check }: Control, broken: Run): string | null {
  if (broken.code === 0) return `the check did not notice:\n${tail(broken)}`
  if (linesOf(broken, check).length === 0) return `the check failed without "${check.finds}":\n${tail(broken)}`
  return null
}

function verdictOf(control: Control, of: Run, problem: string | null): Verdict {
  return { control, problem, found: linesOf(of, control.check), seconds: of.seconds }
}

/** Of a scenario what it says to be broken; of a test what failed first in it, but for its time limit. */
function linesOf({ said }: Run, { finds, only }: Check): string[] {
  const lines = said.split('\n')
  if (only === undefined) return lines.filter((line) => line.includes(finds))
  const from = lines.findIndex((line) => line.startsWith('# Subtest:') && line.includes(finds))
  const failed = from < 0 ? undefined : lines.slice(from).find((line) => /^ +not ok /.test(line))
  if (failed === undefined || failed.includes('timeout!')) return []
  return [`${lines[from]!.replace('# Subtest: ', '')}: ${failed.trim()}`]
}

function tail({ code, said }: Run): string {
  return `${said.split('\n').slice(-30).join('\n')}\nexit code ${code}`
}

/** `folder`: a root of sources and build. */
export async function run({ program, args = [], only }: Check, folder: string): Promise<Run> {
  const file = path.join(folder, 'build', `${program}.js`)
  const settings = [`TAP_TIMEOUT=${TEST_SECONDS}`, ...(only === undefined ? [] : [`TAP_GREP=${only}`, 'TAP_BAIL=1'])]
  const command = [...DROPPED.flatMap((name) => ['-u', name]), ...settings, process.execPath, file, ...args]
  const startedMs = performance.now()
  // A group of its own, so that whatever the check has started ends with it.
  const child = spawn('env', command, { cwd: folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text))
  const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), CHECK_MS)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  return { code, said, seconds: (performance.now() - startedMs) / 1000 }
}
