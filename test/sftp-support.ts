/** What the tests of SFTP share: a real engine, the site thread beside it, log-ins, and clients that are not ours. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import ssh2, { type Client, type ClientChannel, type ConnectConfig, type SFTPWrapper } from 'ssh2'
import type { Test } from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import type { DropCredentialCreated, DropCredentialSettings } from '../src/engine/contract/drop-credentials.js'
import type { Log } from '../src/engine/contract/log.js'
import type { DropCredentials } from '../src/engine/drops/drop-credentials.js'
import { metricsMemory, SharedMetrics } from '../src/engine/observe/shared-metrics.js'
import { type RunningServer, startServer } from '../src/start.js'
import { type RunningSite, startSite } from '../src/start-site.js'

export interface Done {
  code: number | null
  out: string
  said: string
}

export interface Login {
  username: string
  password: string
  id: string
  /** In place of a password. */
  privateKey?: string
}

/** An account that drops files. */
export interface Dropper {
  id: string
  /** Its folder on the disk. */
  drop: string
  login(settings?: DropCredentialSettings): Promise<Login>
  /** By a key: without the time that a password takes on purpose. */
  keyLogin(settings?: DropCredentialSettings): Promise<Login>
}

export interface Stand {
  folder: string
  port: number
  server: RunningServer
  site: RunningSite
  /** The site thread that runs now. */
  worker(): Worker
  log: string[]
  /** Makes an account of a name of its own. */
  account(): Promise<Dropper>
  /** Value of a metric of the site over all its series with these labels. */
  metric(name: string, labels: Record<string, string>): number
  /** A client of ssh2, logged in. */
  connect(login: Login, config?: ConnectConfig): Promise<Client>
  run(command: string, args: string[], input?: string, login?: Login): Promise<Done>
  /** OpenSSH's sftp in batch mode, by password. */
  sftp(login: Login, batch: string[]): Promise<Done>
}

export const SSH_OPTIONS = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'].flatMap(
  (option) => ['-o', option],
)
const CLIENT_MS = 100_000

/**
 * The folders are nobody's here: what is uploaded stays where it was put. `site`, `sftp`: keys of these in dropFolder, and
 * `more` beside them.
 */
export async function stand(t: Test, site: object = {}, sftp: object = {}, more: object = {}): Promise<Stand> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-sftp-'))
  const root = join(folder, 'drop')
  const hostKey = join(folder, 'host_key')
  // RSA takes seconds to make; `hostKey: undefined` lets the engine make its own.
  writeFileSync(hostKey, ssh2.utils.generateKeyPairSync('ed25519').private, { mode: 0o600 })
  const config = (dropFolder: object): ReturnType<typeof parseConfig> =>
    parseConfig(
      JSON.stringify({
        dataDir: join(folder, 'data'),
        http: { port: 0 },
        logLevel: 'silent',
        shutdownSeconds: 5,
        ...dropFolder,
      }),
      { name: 'test', folder, env: {} },
    )
  const log: string[] = []
  const server = await startServer(config({}), {
    log: silentButKept(log),
    exit: (code) => t.fail(`it stopped with ${code}`),
  })
  // It goes last, and also where the site does not start.
  t.teardown(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const workers: Worker[] = []
  const noteWorker = (worker: Worker): void => void workers.push(worker)
  process.on('worker', noteWorker)
  const memory = metricsMemory()
  const running = (await startSite({
    config: config({ dropFolder: { root, site, sftp: { host: '127.0.0.1', port: 0, hostKey, ...sftp }, ...more } }),
    log: silentButKept(log),
    metrics: memory,
    credentials: server.engine.dropCredentials as DropCredentials,
    folders: null,
  }))!
  t.teardown(async () => {
    process.off('worker', noteWorker)
    await running.stop(0)
  })
  const metrics = new SharedMetrics(memory)
  const port = running.link.addresses.sftp!.port
  let accounts = 0
  return {
    ...{ folder, port, server, site: running, log, worker: () => workers.at(-1)! },
    account: async () => {
      const id = `acme-${++accounts}`
      await server.engine.createAccount(id, { defaultCountry: 'GB' })
      const login = async (settings = {}) => loginOf(await server.engine.dropCredentials.create(id, settings))
      const keyLogin = async (settings = {}) => {
        const { private: privateKey, public: line } = ssh2.utils.generateKeyPairSync('ed25519')
        return { ...(await login({ password: null, publicKeys: [line], ...settings })), privateKey }
      }
      return { id, drop: join(root, id), login, keyLogin }
    },
    metric: (name, labels) => metricOf(metrics, name, labels),
    connect: (login, given = {}) => connect(t, { port, ...login, ...given }),
    run: (command, args, input, login) => run({ folder, command, args, input, login }),
    sftp: (login, batch) => sftpBatch({ folder, port, login, batch }),
  }
}

function loginOf({ username, password, id }: DropCredentialCreated): Login {
  return { username, password: password ?? '', id }
}

function silentButKept(log: string[]): Log {
  const keep = (fields: object, text: string): void => void log.push(`${text} ${JSON.stringify(fields)}`)
  return { debug: keep, info: keep, warn: keep, error: keep }
}

function metricOf(metrics: SharedMetrics, name: string, labels: Record<string, string>): number {
  return metrics
    .read()
    .filter(({ metric }) => metric.name === name)
    .filter((series) => Object.entries(labels).every(([key, value]) => series.labels[key] === value))
    .reduce((sum, { values }) => sum + values[0]!, 0)
}

async function connect(t: Test, config: ConnectConfig): Promise<Client> {
  const client = new ssh2.Client()
  t.teardown(() => client.destroy())
  // The first error is the answer; what a broken connection says after it is of no interest.
  client.on('error', () => {})
  const ready = once(client, 'ready')
  client.connect({ host: '127.0.0.1', readyTimeout: CLIENT_MS, ...config })
  await ready
  return client
}

let addresses = 1

/** For a client from an address that was refused nothing yet: each refusal makes the next one slower. */
export function newAddress(): { localAddress: string } {
  return { localAddress: `127.0.1.${++addresses}` }
}

export async function sftpOf(client: Client): Promise<SFTPWrapper> {
  return await new Promise((resolve, reject) => client.sftp((error, sftp) => (error ? reject(error) : resolve(sftp))))
}

/** The bare channel of the SFTP subsystem, for packets that no client would send. */
export async function subsystemOf(client: Client): Promise<ClientChannel> {
  return await new Promise((resolve, reject) =>
    client.subsys('sftp', (error, channel) => (error ? reject(error) : resolve(channel))),
  )
}

interface Run {
  folder: string
  command: string
  args: string[]
  input?: string | undefined
  /** Its password is given to ssh, which asks for it. */
  login?: Login | undefined
}

async function run({ folder, command, args, input = '', login }: Run): Promise<Done> {
  const ask = join(folder, `ask-${login?.username ?? 'nobody'}`)
  if (login !== undefined) {
    writeFileSync(ask, `#!/bin/sh\necho '${login.password}'\n`)
    chmodSync(ask, 0o700)
  }
  // tap hangs its loader on every child by NODE_OPTIONS; an agent of whoever runs this has nothing to say here.
  const { NODE_OPTIONS: _loader, SSH_AUTH_SOCK: _agent, ...rest } = process.env
  // Only where it was asked for: lftp gives ssh the password by itself.
  const asking = login === undefined ? {} : { SSH_ASKPASS: ask, SSH_ASKPASS_REQUIRE: 'force' }
  const env = { ...rest, HOME: folder, ...asking }
  const child: ChildProcess = spawn(command, args, { env, stdio: 'pipe', timeout: CLIENT_MS, killSignal: 'SIGKILL' })
  const out: Buffer[] = []
  const said: Buffer[] = []
  child.stdout!.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr!.on('data', (chunk: Buffer) => said.push(chunk))
  // A client that ends before it has read all is no fault of the test.
  child.stdin!.on('error', () => {})
  child.stdin!.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out: Buffer.concat(out).toString(), said: Buffer.concat(said).toString() }
}

export async function sftpBatch(parts: { folder: string; port: number; login: Login; batch: string[] }): Promise<Done> {
  const { folder, port, login, batch } = parts
  const options = ['-o', 'BatchMode=no', '-o', 'PubkeyAuthentication=no', ...SSH_OPTIONS, '-P', String(port), '-b', '-']
  const args = [...options, `${login.username}@127.0.0.1`]
  return await run({ folder, command: 'sftp', args, input: `${batch.join('\n')}\n`, login })
}

/** A pair of keys made by ssh-keygen: path of the private one, and the line of the public one. */
export async function keyPair(
  s: Pick<Stand, 'folder' | 'run'>,
  type: string,
  bits?: number,
): Promise<{ file: string; line: string }> {
  const keys = join(s.folder, 'keys')
  mkdirSync(keys, { recursive: true })
  const file = join(keys, `${type}-${bits ?? 0}-${readdirSync(keys).length}`)
  const size = bits === undefined ? [] : ['-b', String(bits)]
  await s.run('ssh-keygen', ['-q', '-t', type, ...size, '-N', '', '-C', 'of the test', '-f', file])
  return { file, line: readFileSync(`${file}.pub`, 'utf8') }
}

/** Files of a folder, hidden ones too, without the two areas. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name !== 'processed' && name !== 'error')
    .sort()
}

/** Looks again and again until it holds; the test's own limit ends it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(20)
}
