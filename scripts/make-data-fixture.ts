/**
 * Makes the fixture of a release: a small data directory as an engine leaves it that was killed while it sent, with what the API
 * said of it, packed. test/operations-upgrade.test.ts opens each with the code of today.
 *
 *   node build/scripts/make-data-fixture.js NAME [CLI]
 *
 * writes test/fixtures/data/NAME.tar.gz and NAME.json. CLI: build/src/cli.js of the release, where it is not this one.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const ADMIN_KEY = 'the-admin-key-of-data-fixtures'
const PORT = 18_977
const LOOK_MS = 20

interface Job {
  id: string
  state: string
  counts: Record<string, number>
}

interface Message {
  id: string
  to: string
  history: { event: string; id?: string | null }[]
}

function start(cli: string, args: string[]): ChildProcess {
  return spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, cli, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
}

async function ask<T>(method: string, route: string, key: string, body?: object | string): Promise<T> {
  const type = typeof body === 'string' ? 'text/csv' : 'application/json'
  const response = await fetch(`http://127.0.0.1:${PORT}${route}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': type }) },
    body: typeof body === 'object' ? JSON.stringify(body) : body,
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${text}`)
  return (text === '' ? null : JSON.parse(text)) as T
}

async function until<T>(look: () => Promise<T>, isSo: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await look()
    if (isSo(value)) return value
    await pause(LOOK_MS)
  }
}

function rowsFrom(first: number, rows: number): string {
  const lines = Array.from({ length: rows }, (_, row) => `+44771${String(first + row).padStart(7, '0')},Name ${row}`)
  return ['to,name', ...lines, ''].join('\n')
}

async function job(key: string, settings: object, file: string): Promise<string> {
  const { id } = await ask<Job>('POST', '/v1/jobs', key, { text: 'Hi ~name~', from: 'ACME', ...settings })
  await ask('PUT', `/v1/jobs/${id}/recipients`, key, file)
  return id
}

/** Gives the key of the account. */
async function fill(): Promise<{ key: string; jobs: string[] }> {
  const { key } = await ask<{ key: string }>('POST', '/v1/accounts', ADMIN_KEY, { id: 'acme', defaultCountry: 'GB' })
  await ask('PUT', '/v1/templates/welcome', key, { text: 'Welcome ~name~' })
  await ask('PUT', '/v1/contacts/+447712345679', key, { email: 'a@example.com', tags: ['new'] })
  await ask('PUT', '/v1/suppressions/+447712345670', key, {})
  const finished = await job(key, {}, rowsFrom(1, 150))
  await until(
    () => ask<Job>('GET', `/v1/jobs/${finished}`, key),
    ({ state }) => state === 'finished',
  )
  await ask('POST', '/v1/messages', key, { to: '+447712345678', from: 'ACME', text: 'Hello', clientReference: 'mine' })
  const later = await job(key, { sendAt: '2090-01-01T00:00:00Z' }, rowsFrom(1_001, 40))
  const stopped = await job(key, { ratePerSecond: 20 }, rowsFrom(2_001, 60))
  await until(
    () => ask<Job>('GET', `/v1/jobs/${stopped}`, key),
    ({ counts }) => counts.partsSent! >= 20,
  )
  await ask('POST', `/v1/jobs/${stopped}/pause`, key)
  return { key, jobs: [finished, later, stopped] }
}

async function make(name: string, cli: string): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-fixture-'))
  const target = fileURLToPath(new URL('../../test/fixtures/data/', import.meta.url))
  const smsc = start(cli, ['smsc', '--port', '0', '--stats-port', '0', '--dlr-delay-ms', '3000'])
  const [line] = (await once(createInterface(smsc.stdout!), 'line')) as [string]
  const carrier = {
    id: 'sim',
    protocol: 'smpp',
    host: '127.0.0.1',
    port: JSON.parse(line).listening.port,
    systemId: 'a',
  }
  const config = path.join(folder, 'trunkline.yaml')
  const http = { port: PORT, adminKey: ADMIN_KEY }
  const dataDir = path.join(folder, 'data')
  writeFileSync(config, JSON.stringify({ dataDir, logLevel: 'silent', http, carriers: [carrier] }), { mode: 0o600 })
  const engine = start(cli, ['serve', '--config', config])
  const ended = once(engine, 'exit')
  try {
    await until(
      () =>
        fetch(`http://127.0.0.1:${PORT}/healthz`).then(
          ({ ok }) => ok,
          () => false,
        ),
      (ok) => ok,
    )
    const { key, jobs } = await fill()
    // Those of the last job are sent, and their receipts are to come: to an engine of a later version.
    const views = await Promise.all(jobs.map((id) => ask<Job>('GET', `/v1/jobs/${id}`, key)))
    const sent = await ask<{ items: Message[] }>('GET', `/v1/jobs/${jobs[2]}/messages?limit=60`, key)
    engine.kill('SIGKILL')
    await ended
    const messages = sent.items.map(({ id, to, history }) => ({ id, to, history }))
    mkdirSync(target, { recursive: true })
    writeFileSync(path.join(target, `${name}.json`), `${JSON.stringify({ key, jobs: views, messages }, null, 1)}\n`)
    execFileSync('tar', ['-C', folder, '--exclude=lock.mdb', '-cSf', path.join(folder, 'data.tar'), 'data'])
    execFileSync('sh', [
      '-c',
      `gzip -9nc "$0" >"$1"`,
      path.join(folder, 'data.tar'),
      path.join(target, `${name}.tar.gz`),
    ])
  } finally {
    engine.kill('SIGKILL')
    smsc.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

const [name, cli] = process.argv.slice(2)
if (name === undefined) {
  console.error('usage: node build/scripts/make-data-fixture.js NAME [CLI]')
  process.exit(2)
}
await make(name, cli ?? fileURLToPath(new URL('../src/cli.js', import.meta.url)))
process.exit(0)
