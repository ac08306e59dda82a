/** The command line in a process of its own, as a shell sees it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const cli = fileURLToPath(new URL('../src/cli.js', import.meta.url))

export interface Run {
  code: number | null
  stdout: string
  stderr: string
}

export async function run(args: string[], options: { cwd?: string; env?: Record<string, string> } = {}): Promise<Run> {
  const { TRUNKLINE_KEY: _key, TRUNKLINE_URL: _url, ...rest } = process.env
  // tap hangs its loader on every child by NODE_OPTIONS, which costs seconds a start; env drops it.
  const command = ['-u', 'NODE_OPTIONS', process.execPath, cli, ...args]
  const child = spawn('env', command, { cwd: options.cwd, env: { ...rest, ...options.env } })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += chunk))
  child.stderr.on('data', (chunk) => (stderr += chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}
