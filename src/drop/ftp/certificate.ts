/**
 * The certificate of the FTP site: the files that the configuration names, read again when they were renewed, or one that
 * signs itself, made at the first start and kept in dataDir/ftp. Site thread.
 */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { DropFtpConfig } from '../../engine/config/drop-ftp.js'
import type { Clock } from '../../engine/contract/clock.js'
import { EngineError } from '../../engine/contract/errors.js'
import type { Log } from '../../engine/contract/log.js'
import { makeSelfSigned, type PemPair } from './self-signed.js'

const OF_EVERYBODY = 0o004
const MINE_ALONE = 0o600
const DAY_MS = 86_400_000
/** Clients are asked once whether they trust it: as long as it lasts, they are not asked again. */
const LASTS_DAYS = 3_650
/** Clocks differ. */
const EARLIER_DAYS = 2
/** How often a certificate of the configuration is looked at. */
const LOOK_MS = 60_000

export interface CertificateDeps {
  config: DropFtpConfig
  dataDir: string
  /** Name that clients connect to; null: unknown. */
  publicHost: string | null
  clock: Clock
  log: Log
}

interface Loaded {
  pair: PemPair
  /** Of the files, as they were read. */
  mark: string
}

export class Certificate {
  readonly #deps: CertificateDeps
  readonly #files: { cert: string; key: string }
  #loaded: Loaded
  #lookedAtMs: number

  private constructor(deps: CertificateDeps, files: { cert: string; key: string }, loaded: Loaded) {
    this.#deps = deps
    this.#files = files
    this.#loaded = loaded
    this.#lookedAtMs = deps.clock.monotonic()
  }

  /** @throws EngineError CONFIG_INVALID: files that cannot be read, or that do not belong together. */
  static async open(deps: CertificateDeps): Promise<Certificate> {
    const { cert, key } = deps.config
    const files = cert !== undefined && key !== undefined ? { cert, key } : await ownFiles(deps)
    const certificate = new Certificate(deps, files, await load(files))
    const { validTo } = new X509Certificate(certificate.#loaded.pair.cert)
    const fields = { file: files.cert, fingerprint: certificate.fingerprint, validTo }
    if (Date.parse(validTo) < deps.clock.now()) deps.log.warn(fields, 'the certificate of the FTP site has expired')
    else deps.log.info(fields, 'FTP clients are shown this certificate')
    return certificate
  }

  /** SHA-256, as FTP clients show it: AB:CD:… */
  get fingerprint(): string {
    return new X509Certificate(this.#loaded.pair.cert).fingerprint256
  }

  /**
   * One of its own for each control connection: session tickets are sealed with the context's key, so a session that a
   * data connection goes on with is one of this very log-in.
   */
  async context(): Promise<SecureContext> {
    await this.#renew()
    return createSecureContext({ ...this.#loaded.pair, minVersion: 'TLSv1.2' })
  }

  async #renew(): Promise<void> {
    const { clock, log } = this.#deps
    if (clock.monotonic() - this.#lookedAtMs < LOOK_MS) return
    this.#lookedAtMs = clock.monotonic()
    try {
      if ((await markOf(this.#files)) === this.#loaded.mark) return
      this.#loaded = await load(this.#files)
      log.info({ file: this.#files.cert, fingerprint: this.fingerprint }, 'the certificate of the FTP site was renewed')
    } catch (error) {
      // Half of a renewal, perhaps: the one that was read before is still good.
      log.warn({ error: String(error) }, 'the renewed certificate of the FTP site cannot be used; the old one stays')
    }
  }
}

async function markOf({ cert, key }: { cert: string; key: string }): Promise<string> {
  const facts = await Promise.all([stat(cert), stat(key)])
  return facts.map(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`).join(' ')
}

async function load(files: { cert: string; key: string }): Promise<Loaded> {
  const mark = await markOf(files).catch(unreadable)
  const [cert, key] = await Promise.all([readFile(files.cert, 'utf8'), readFile(files.key, 'utf8')]).catch(unreadable)
  const { mode } = await stat(files.key)
  if (process.platform !== 'win32' && (mode & OF_EVERYBODY) !== 0) {
    throw new EngineError('CONFIG_INVALID', `dropFolder.ftp.key: everybody can read ${files.key}; chmod 600 it`)
  }
  try {
    createSecureContext({ cert, key })
    createPrivateKey(key)
    void new X509Certificate(cert)
  } catch (cause) {
    const text = `dropFolder.ftp: ${files.cert} and ${files.key} are no certificate and its key in PEM: ${String(cause)}`
    throw new EngineError('CONFIG_INVALID', text, { cause })
  }
  return { pair: { cert, key }, mark }
}

function unreadable(cause: unknown): never {
  throw new EngineError(
    'CONFIG_INVALID',
    `dropFolder.ftp: the certificate or its key cannot be read: ${String(cause)}`,
    {
      cause,
    },
  )
}

/** A kill leaves the whole pair or none: both lie in one folder, which is renamed into place. */
async function ownFiles({
  config,
  dataDir,
  publicHost,
  clock,
}: CertificateDeps): Promise<{ cert: string; key: string }> {
  const folder = join(dataDir, 'ftp')
  const files = { cert: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') }
  if ((await stat(files.cert).catch(() => null)) !== null) return files
  const nowMs = clock.now()
  const names = [publicHost, config.publicAddress, hostname(), 'localhost', '127.0.0.1']
  const pair = makeSelfSigned({
    commonName: `Trunkline FTP ${publicHost ?? hostname()}`.slice(0, 64),
    names: [...new Set(names.filter((name): name is string => typeof name === 'string' && isPlainName(name)))],
    notBefore: nowMs - EARLIER_DAYS * DAY_MS,
    notAfter: nowMs + LASTS_DAYS * DAY_MS,
  })
  const beside = `${folder}.${randomBytes(4).toString('hex')}.new`
  await mkdir(beside, { recursive: true, mode: 0o700 })
  await writeDurable(join(beside, 'key.pem'), pair.key)
  await writeDurable(join(beside, 'certificate.pem'), pair.cert)
  await rename(beside, folder)
  return files
}

function isPlainName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,253}$/.test(name)
}

async function writeDurable(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', MINE_ALONE)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
