/**
 * The end of a process that may be unable to end: a failed write can leave LMDB's threads in a state in which they are never
 * joined, and process.exit joins all of them. So another process stands by with SIGKILL, which needs nothing of ours. Any thread.
 */
import { spawn } from 'node:child_process'

/** Kills this process after so long, if it is still there; the other one ends with us. */
export function killWithin(ms: number): void {
  const script = `process.stdin.on('end', () => process.exit()).resume()
setTimeout(() => process.kill(${process.pid}, 'SIGKILL'), ${ms})`
  const { pid } = spawnQuietly(script)
  if (pid === undefined) killNow()
}

/** At once, whatever the threads do. */
export function killNow(): void {
  process.kill(process.pid, 'SIGKILL')
}

/** Nothing of our environment: what was preloaded into us, or hung on to node, is not for it. */
function spawnQuietly(script: string): { pid: number | undefined } {
  const child = spawn(process.execPath, ['-e', script], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: {},
  })
  child.on('error', killNow)
  child.unref()
  return { pid: child.pid }
}
