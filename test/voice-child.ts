/** The engine in a process of its own, to be killed while it calls: argv has the path of its configuration; prints one JSON line. */
import { loadConfig } from '../src/engine/config/load.js'
import { silentLog } from '../src/engine/contract/log.js'
import { startServer } from '../src/start.js'

const server = await startServer(loadConfig(process.argv[2]!, {}), { log: silentLog })
process.on('SIGTERM', () => {
  server.stop().then(() => process.exit(0))
})
// The last thing: whoever reads it may signal at once.
console.log(JSON.stringify({ url: server.url, adminKey: server.adminKey }))
