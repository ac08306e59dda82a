/** The engine with its drop folders in a process of its own, to be killed: argv has the configuration as JSON; prints one JSON line. */
import { parseConfig } from '../src/engine/config/load.js'
import { silentLog } from '../src/engine/contract/log.js'
import { startServer } from '../src/start.js'

const server = await startServer(parseConfig(process.argv[2]!, { name: 'test', folder: process.cwd(), env: {} }), {
  log: silentLog,
})
process.on('SIGTERM', () => {
  server.stop().then(() => process.exit(0))
})
// The last thing: whoever reads it may signal at once.
console.log(JSON.stringify({ url: server.url, adminKey: server.adminKey }))
