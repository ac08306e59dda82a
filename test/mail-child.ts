/** The engine with a mail relay in a process of its own, to be killed: argv has dataDir and the relay's port; prints one JSON line. */
import { parseConfig } from '../src/engine/config/load.js'
import { silentLog } from '../src/engine/contract/log.js'
import { startServer } from '../src/start.js'
import { mailConfig } from './mail-stand.js'

const [dataDir, port] = process.argv.slice(2)
const text = mailConfig(dataDir!, Number(port), {})
const config = parseConfig(text, { name: 'test', folder: dataDir!, env: {} })
const server = await startServer(config, { log: silentLog })
console.log(JSON.stringify({ url: server.url, adminKey: server.adminKey }))
