/**
 * The site thread: SFTP and FTP into the drop folders. Sockets, ciphers and the octets of files stay here; who may log in
 * is asked of the main thread. When it dies it is started anew (start-site.ts); nothing but its connections is lost.
 */

import assert from 'node:assert'
import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { FtpServer } from './drop/ftp/ftp-server.js'
import { SftpServer } from './drop/sftp/sftp-server.js'
import { sweepLeftovers } from './drop/site/leftovers.js'
import { Site } from './drop/site/site.js'
import type { SiteServer } from './drop/site/site-server.js'
import { armCrashPoint } from './engine/base/crash-point.js'
import { clientEnvironment } from './engine/config/client-environment.js'
import type { DropFtpConfig } from './engine/config/drop-ftp.js'
import type { DropSftpConfig } from './engine/config/drop-sftp.js'
import type { DropSiteConfig } from './engine/config/drop-site.js'
import { systemClock } from './engine/contract/clock.js'
import { EngineError } from './engine/contract/errors.js'
import type { FromSite, LoginGrant, LoginQuestion, SiteAddresses, SiteStart, ToSite } from './engine/contract/site.js'
import { createLog } from './engine/observe/log.js'
import { SharedMetrics } from './engine/observe/shared-metrics.js'

const TICK_MS = 250
/** Uploads of a killed engine are removed once they are older than this, and than any idle time twice. */
const LEFTOVER_MS = 3_600_000
const SWEEP_EVERY_MS = 600_000
const TOKEN_BYTES = 8
const CHANCES = 2 ** 32

assert(parentPort !== null, 'runs as a worker thread')
armCrashPoint(clientEnvironment().crashAt, 'site')
const main = parentPort
const start = workerData as SiteStart
const terms = start.site as DropSiteConfig
const log = createLog(start.logLevel as Parameters<typeof createLog>[0])
const waiting = new Map<number, (grant: LoginGrant | null) => void>()
let lastRequest = 0

function post(message: FromSite): void {
  main.postMessage(message)
}

async function ask(question: LoginQuestion): Promise<LoginGrant | null> {
  const request = ++lastRequest
  return await new Promise((resolve) => {
    waiting.set(request, resolve)
    post({ type: 'login', request, question })
  })
}

/** A name that nobody else has. */
function token(): string {
  return randomBytes(TOKEN_BYTES).toString('hex')
}

async function pause(ms: number): Promise<void> {
  await wait(ms)
}

/** [0, 1), not to be foretold. */
function chance(): number {
  return randomInt(CHANCES) / CHANCES
}

const site = new Site({
  terms,
  fileBytesMax: start.fileBytesMax,
  clock: systemClock,
  log,
  metrics: new SharedMetrics(start.metrics),
  ask,
  wait: pause,
  token,
  uploaded: (account, file) => post({ type: 'uploaded', account, file }),
})

const servers: Pick<SiteServer<never>, 'close' | 'tick'>[] = []

async function listen(): Promise<SiteAddresses> {
  const addresses: SiteAddresses = { sftp: null, ftp: null }
  const deps = { site, dataDir: start.dataDir, clock: systemClock, log }
  if (start.sftp !== null) {
    const server = new SftpServer({ ...deps, config: start.sftp as DropSftpConfig })
    servers.push(server)
    addresses.sftp = await server.listen()
  }
  if (start.ftp !== null) {
    const { fileBytesMax } = start
    const config = start.ftp as DropFtpConfig
    const server = new FtpServer({ ...deps, config, fileBytesMax, wait: pause, token, chance })
    servers.push(server)
    addresses.ftp = await server.listen()
  }
  return addresses
}

async function sweep(): Promise<void> {
  const ageMs = Math.max(LEFTOVER_MS, terms.idleSeconds * 2_000)
  const removed = await sweepLeftovers(start.root, systemClock.now() - ageMs)
  if (removed > 0) log.info({ removed }, 'removed what broken-off uploads had left')
}

async function drain(deadlineMs: number): Promise<void> {
  await Promise.all(servers.map((server) => server.close()))
  await site.drain(deadlineMs)
  post({ type: 'drained' })
}

const handlers: { [K in ToSite['type']]: (message: Extract<ToSite, { type: K }>) => void } = {
  login: ({ request, grant }) => {
    waiting.get(request)?.(grant)
    waiting.delete(request)
  },
  end: ({ credentials }) => site.end(credentials),
  drain: ({ deadlineMs }) => void drain(deadlineMs),
}

main.on('message', (message: ToSite) => (handlers[message.type] as (message: ToSite) => void)(message))

try {
  const addresses = await listen()
  setInterval(() => {
    site.tick()
    for (const server of servers) server.tick(systemClock.monotonic())
  }, TICK_MS)
  setInterval(() => void sweep(), SWEEP_EVERY_MS)
  post({ type: 'ready', addresses })
  await sweep()
} catch (error) {
  const code = error instanceof EngineError ? error.code : 'INTERNAL'
  post({ type: 'failed', code, message: error instanceof Error ? error.message : String(error) })
}
