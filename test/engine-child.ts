/**
 * The engine in a process of its own, to be killed: argv has dataDir and the carrier's port, and where time is to fly the
 * moment from which the main thread's clock does and how many times as fast; prints one JSON line.
 */
import { type Clock, systemClock } from '../src/engine/contract/clock.js'
import { silentLog } from '../src/engine/contract/log.js'
import { startServer } from '../src/start.js'
import { configFor } from './engine-harness.js'

const [dataDir, port, base, factor] = process.argv.slice(2)
const flying: Clock = { ...systemClock, now: () => Number(base) + (Date.now() - Number(base)) * Number(factor) }
const clock = base === undefined ? systemClock : flying
const server = await startServer(configFor(dataDir!, Number(port), {}), { log: silentLog, clock })
process.on('SIGTERM', () => {
  server.stop().then(() => process.exit(0))
})
// The last thing: whoever reads it may signal at once.
console.log(JSON.stringify({ url: server.url, adminKey: server.adminKey }))
