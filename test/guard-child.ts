/**
 * The engine in a process of its own, with a guard that has little patience and says in the log what it does: argv has dataDir and
 * the carrier's port; prints one JSON line. At SIGUSR2 its main thread stands still for ever, and says so before.
 */
import { writeSync } from 'node:fs'
import { silentLog } from '../src/engine/contract/log.js'
import { startServer } from '../src/start.js'
import { configFor } from './engine-harness.js'

const guardTimes = { stuckSeconds: 2, exitMs: 1_000 }
const [dataDir, port] = process.argv.slice(2)
const config = { ...configFor(dataDir!, Number(port), {}), logLevel: 'error' as const }
const server = await startServer(config, { log: silentLog, guardTimes })
process.on('SIGUSR2', () => {
  writeSync(1, 'the main thread stands still\n')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})
process.on('SIGTERM', () => {
  server.stop().then(() => process.exit(0))
})
// The last thing: whoever reads it may signal at once.
console.log(JSON.stringify({ url: server.url, adminKey: server.adminKey }))
