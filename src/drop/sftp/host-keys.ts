/**
 * The keys by which clients know this server again: made at the first start and kept in dataDir/sftp, or where the
 * configuration says. Site thread, at its start.
 */
import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ParsedKey } from 'ssh2'
import ssh2 from 'ssh2'
import { EngineError } from '../../engine/contract/errors.js'
import type { Log } from '../../engine/contract/log.js'
import type { HostKeyView } from '../../engine/contract/site.js'

const { parseKey, generateKeyPairSync } = ssh2.utils
const RSA_BITS = 3_072
const OF_OTHERS = 0o077
const OF_EVERYBODY = 0o004
const MINE_ALONE = 0o600

/** ed25519 first: what a client takes when it knows both. */
const MADE = [
  { file: 'ssh_host_ed25519_key', make: () => generateKeyPairSync('ed25519') },
  { file: 'ssh_host_rsa_key', make: () => generateKeyPairSync('rsa', { bits: RSA_BITS }) },
] as const

/** How a key itself begins, where the configuration holds it instead of a path: `hostKey: ${file:…}`. */
const KEY_ITSELF = /^\s*-----BEGIN /

/**
 * `configured`: paths, or keys themselves; a file that does not exist yet is made.
 * @throws EngineError CONFIG_INVALID: what is no private key, that everybody can read, or that cannot be made.
 */
export async function hostKeys(dataDir: string, configured: readonly string[], log: Log): Promise<ParsedKey[]> {
  if (configured.length > 0) return await Promise.all(configured.map((one) => configuredKey(one, log)))
  const files = await madeKeys(join(dataDir, 'sftp'), log)
  return await Promise.all(files.map(readKey))
}

async function configuredKey(one: string, log: Log): Promise<ParsedKey> {
  if (KEY_ITSELF.test(one)) return parsedKey(one, 'the key')
  if (await isMissing(one)) await makeNamed(one, log)
  return await readKey(one)
}

async function isMissing(path: string): Promise<boolean> {
  return await stat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  )
}

/** Said loudly: if there was a key before, clients will warn of another server. */
async function makeNamed(path: string, log: Log): Promise<void> {
  await writeWhole(path, MADE[0].make().private).catch((cause: NodeJS.ErrnoException) => {
    const why = `there is no ${path}, and it cannot be made (${cause.code})`
    throw new EngineError('CONFIG_INVALID', `dropFolder.sftp.hostKey: ${why}`, { cause })
  })
  log.warn({ file: path }, 'there was no host key for SFTP in this place; a new one was made')
}

async function madeKeys(folder: string, log: Log): Promise<string[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const files: string[] = []
  for (const { file, make } of MADE) {
    const path = join(folder, file)
    const facts = await stat(path).catch(() => null)
    if (facts === null) await writeWhole(path, make().private)
    else if (process.platform !== 'win32' && (facts.mode & OF_OTHERS) !== 0) {
      await chmod(path, MINE_ALONE)
      log.warn({ file: path }, 'others could read this secret; now only its owner can')
    }
    files.push(path)
  }
  return files
}

/** A kill leaves the whole key or none: clients would not know the server again. */
async function writeWhole(path: string, text: string): Promise<void> {
  const beside = `${path}.${randomBytes(4).toString('hex')}.new`
  const handle = await open(beside, 'wx', MINE_ALONE)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(beside, path)
}

async function readKey(path: string): Promise<ParsedKey> {
  const text = await readFile(path).catch((cause: unknown) => {
    throw new EngineError('CONFIG_INVALID', `dropFolder.sftp.hostKey: ${path} cannot be read`, { cause })
  })
  const { mode } = await stat(path)
  if (process.platform !== 'win32' && (mode & OF_EVERYBODY) !== 0) {
    throw new EngineError('CONFIG_INVALID', `dropFolder.sftp.hostKey: everybody can read ${path}; chmod 600 it`)
  }
  return parsedKey(text, path)
}

function parsedKey(text: string | Buffer, name: string): ParsedKey {
  const parsed = parseKey(text)
  const key = Array.isArray(parsed) ? parsed[0] : parsed
  if (key === undefined || key instanceof Error || !key.isPrivateKey()) {
    const why = key instanceof Error ? key.message : 'it is no private key'
    throw new EngineError('CONFIG_INVALID', `dropFolder.sftp.hostKey: ${name}: ${why}`)
  }
  return key
}

export function hostKeyView(key: ParsedKey): HostKeyView {
  const digest = createHash('sha256').update(key.getPublicSSH()).digest('base64').replace(/=+$/, '')
  return { type: key.type, fingerprint: `SHA256:${digest}` }
}

/**
 * As the server of ssh2 takes them. It would offer an RSA key with SHA-1 too; under the names of RFC 8332 it offers the
 * key with these alone.
 */
export function offered(key: ParsedKey): { key: ParsedKey }[] {
  if (key.type !== 'ssh-rsa') return [{ key }]
  return ['rsa-sha2-512', 'rsa-sha2-256'].map((type) => ({
    key: Object.create(key, { type: { value: type } }) as ParsedKey,
  }))
}
