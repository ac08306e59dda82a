/** The engine in a process of its own, to be killed: argv has dataDir and the carrier's port; prints one JSON line. */
import { silentLog } from '../src/engine/contract/log.js'
import { startServer } from '../src/start.js'
import { configFor } from './engine-harness.js'

const [dataDir, port] = process.argv.slice(2)
const server = await startServer(configFor(dataDir!, Number(port), {}), { log: silentLog })
console.log(JSON.stringify({ url: server.url, adminKey: server.adminKey }))
process.on('SIGTERM', () => {
  server.stop().then(() => process.exit(0))
})
