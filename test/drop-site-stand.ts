/**
 * For tests of SFTP and FTP into the drop folders: both servers over one site in this process, two accounts with their
 * folders, and a tree beside them that nobody may touch. The folder's files stay where they are put.
 */
import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import ssh2 from 'ssh2'
import { FtpServer } from '../src/drop/ftp/ftp-server.js'
import { SftpServer } from '../src/drop/sftp/sftp-server.js'
import { Site } from '../src/drop/site/site.js'
import { parseConfig } from '../src/engine/config/load.js'
import { systemClock } from '../src/engine/contract/clock.js'
import { silentLog } from '../src/engine/contract/log.js'
import { noMetrics } from '../src/engine/contract/metrics.js'
import type { LoginQuestion } from '../src/engine/contract/site.js'

export const PASSWORD = 'correct horse battery staple'
/** Made once: one of RSA, as the server would make itself, takes a second. */
const hostKeyText = ssh2.utils.generateKeyPairSync('ed25519').private
const WAIT_MS_MAX = 100
const TICK_MS = 50
const LOOK_MS = 10

interface Owner {
  teardown(work: () => Promise<void>): void
}

export interface SiteOptions {
  /** Keys of dropFolder.ftp. */
  ftp?: object
  /** Keys of dropFolder.site. */
  site?: object
  fileBytesMax?: number
  /** FTP waits no longer than this for anything. */
  ftpWaitMsMax?: number
}

export class SiteStand {
  /** Holds the drop folders, and whatever a test adds. */
  readonly folder: string
  readonly drop: string
  readonly dataDir: string
  readonly uploaded: string[] = []
  readonly asked: LoginQuestion[] = []
  /** What the site wanted to wait, in milliseconds; it waits less here. */
  readonly waited: number[] = []
  site!: Site
  ftp!: FtpServer
  sftp!: SftpServer
  ftpPort = 0
  sftpPort = 0

  constructor(folder: string) {
    this.folder = folder
    this.drop = path.join(folder, 'drop')
    this.dataDir = path.join(folder, 'data')
  }

  /** An account's root. */
  root(account = 'acme'): string {
    return path.join(this.drop, account)
  }

  /** Of the FTP server: it signs itself. */
  get certificate(): string {
    return path.join(this.dataDir, 'ftp', 'certificate.pem')
  }

  /** Names in an account's folder, ours too, sorted. */
  names(account = 'acme', area = ''): string[] {
    return readdirSync(path.join(this.root(account), area)).sort()
  }

  read(name: string, account = 'acme'): string {
    return readFileSync(path.join(this.root(account), name), 'utf8')
  }

  /** Resolves when nothing of ours is left in the folder of an account; a test's time limit is its limit. */
  async swept(account = 'acme'): Promise<void> {
    while (this.names(account).some((name) => name.startsWith('.trunkline'))) await pause(LOOK_MS)
  }
}

export async function startSite(t: Owner, options: SiteOptions = {}): Promise<SiteStand> {
  const stand = new SiteStand(mkdtempSync(path.join(tmpdir(), 'trunkline-site-')))
  mkdirSync(stand.dataDir)
  for (const account of ['acme', 'rival']) mkdirSync(stand.root(account), { recursive: true })
  const hostKey = path.join(stand.folder, 'host-key')
  writeFileSync(hostKey, hostKeyText, { mode: 0o600 })
  const keys = { root: stand.drop, sftp: { host: '127.0.0.1', port: 0, hostKey }, site: options.site ?? {} }
  const dropFolder = { ...keys, ftp: { host: '127.0.0.1', port: 0, ...options.ftp } }
  const config = parseConfig(JSON.stringify({ dropFolder }), { name: 'test', folder: stand.folder, env: {} })
    .dropFolder!
  const fileBytesMax = options.fileBytesMax ?? config.fileBytesMax
  let tokens = 0
  const token = (): string => `t${tokens++}`
  stand.site = new Site({
    ...{ terms: config.site, fileBytesMax, clock: systemClock, log: silentLog, metrics: noMetrics, token },
    ask: async (question) => {
      stand.asked.push(question)
      const { username, proof } = question
      const isKnown = username === 'acme' || username === 'rival'
      if (!isKnown || proof.kind !== 'password' || proof.password !== PASSWORD) return null
      const root = stand.root(username)
      return { credential: `login-${username}`, username, account: username, root, expiresAtMs: null }
    },
    wait: async (ms) => {
      stand.waited.push(Math.round(ms))
      await pause(Math.min(ms, WAIT_MS_MAX))
    },
    uploaded: (account, file) => void stand.uploaded.push(`${account}/${file}`),
  })
  const wait = async (ms: number): Promise<void> => {
    await pause(Math.min(ms, options.ftpWaitMsMax ?? ms))
  }
  const parts = { site: stand.site, dataDir: stand.dataDir, clock: systemClock, log: silentLog }
  stand.ftp = new FtpServer({ ...parts, config: config.ftp!, fileBytesMax, wait, token, chance: () => 0.5 })
  stand.sftp = new SftpServer({ ...parts, config: config.sftp! })
  stand.ftpPort = (await stand.ftp.listen()).port
  stand.sftpPort = (await stand.sftp.listen()).port
  const timer = setInterval(() => {
    stand.site.tick()
    stand.ftp.tick(systemClock.monotonic())
    stand.sftp.tick(systemClock.monotonic())
  }, TICK_MS)
  t.teardown(async () => {
    await Promise.all([stand.ftp.close(), stand.sftp.close()])
    await stand.site.drain(0)
    clearInterval(timer)
    rmSync(stand.folder, { recursive: true, force: true })
  })
  return stand
}

const LONG_AGO = new Date('2020-01-01')

/**
 * Watches what lies below now: the answer tells, in times, sizes and links, when a file was read, written or linked, or
 * something was added or removed. Looking changes nothing: no folder is listed for it. That a folder was listed is not
 * looked at: anybody on the machine may do that (`du /tmp`); tests give the files names that must not be seen instead.
 */
export function watched(folders: readonly string[]): () => string {
  const below = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => path.join(folder, name)),
  )
  const all = [...folders, ...below]
  // Read long ago: so the first reading changes the time of access also where it is kept loosely (relatime).
  for (const place of all) utimesSync(place, LONG_AGO, new Date())
  const look = (place: string): string => {
    const facts = lstatSync(place)
    const { mode, size, nlink, mtimeMs, ctimeMs } = facts
    return [place, mode, size, nlink, mtimeMs, ctimeMs, ...(facts.isFile() ? [facts.atimeMs] : [])].join(' ')
  }
  return () => all.map(look).join('\n')
}

/** What the files below hold; it touches them. */
export function contentOf(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  const digest = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(path.join(folder, name)))
      .digest('hex')
  return files
    .filter((name) => lstatSync(path.join(folder, name)).isFile())
    .map((name) => `${name} ${digest(name)}`)
    .join('\n')
}

/** Whether a program is in the path. */
export function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(path.join(folder, program)))
}

export function writeInto(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text)
}
