/**
 * Loaded into every test's process by .taprc. When the tests of a file are over and its listeners of `exit` were told, the process is
 * gone: after many cut connections Node 20 was seen to spin for ever in the clean-up of its handles, and a file that had
 * passed then counted as timed out.
 */
import { isMainThread } from 'node:worker_threads'

interface WithReallyExit {
  reallyExit(code: number): never
}

if (isMainThread) {
  process.on('exit', (code) => {
    const { reallyExit } = process as unknown as WithReallyExit
    reallyExit.call(process, Number(process.exitCode ?? code))
  })
}
