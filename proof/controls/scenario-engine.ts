/**
 * The engine in a process of its own, to be killed: argv has dataDir, the carrier's port, and further keys of the carrier as
 * JSON. Prints one JSON line when it runs.
 */
import { silentLog } from '../../src/engine/contract/log.js'
import { startServer } from '../../src/start.js'
import { configFor } from '../../test/engine-harness.js'

const [dataDir, port, carrier] = process.argv.slice(2)
const config = configFor(dataDir!, Number(port), JSON.parse(carrier!))
const server = await startServer(config, { log: silentLog })
// The last thing: whoever reads it may signal at once.
console.log(JSON.stringify({ url: server.url, adminKey: server.adminKey }))
