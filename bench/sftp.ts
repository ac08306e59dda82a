/**
 * One large file by SFTP, and what it does to the memory of the engine. `node build/bench/sftp.js [MiB]`; 256 unless told,
 * 1024 for the figure in docs/benchmarks.md. Needs OpenSSH's sftp.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import ssh2 from 'ssh2'
import type { DropCredentialCreated } from '../src/engine/contract/drop-credentials.js'
import { ADMIN_KEY, api, freePort, residentBytes, spawnEngine } from './processes.js'

const MIB = 1 << 20
const mib = Number(process.argv[2] ?? 256)
const folder = mkdtempSync(join(tmpdir(), 'trunkline-sftp-bench-'))
const file = join(folder, 'large.csv')
const row = Buffer.from('+447712345678,A client of somebody\n'.repeat(32 * 1024)).subarray(0, MIB)
const out = openSync(file, 'w')
for (let written = 0; written < mib; written++) writeSync(out, row)
closeSync(out)

const port = await freePort()
// Nobody takes the file: what is measured is the way in.
const never = 3_600_000
const config = {
  ...{ dataDir: join(folder, 'data'), http: { port, adminKey: ADMIN_KEY }, logLevel: 'warn' },
  dropFolder: { root: join(folder, 'drop'), settleMs: never, scanMs: never, sftp: { host: '127.0.0.1', port: 0 } },
}
const engine = await spawnEngine(folder, port, JSON.stringify(config))
const pid = engine.child.pid!
const client = api(engine.url, ADMIN_KEY)
await client.post('/v1/accounts', { id: 'acme', defaultCountry: 'GB' })
const { private: key, public: line } = ssh2.utils.generateKeyPairSync('ed25519')
const login = await client.post<DropCredentialCreated>('/v1/accounts/acme/drop-credentials', {
  ...{ password: null, publicKeys: [line] },
})
const keyFile = join(folder, 'key')
writeFileSync(keyFile, key, { mode: 0o600 })
const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'IdentitiesOnly=yes']
const args = [...options.flatMap((option) => ['-o', option]), '-i', keyFile, '-P', String(login.connect.sftp!.port)]
const before = residentBytes(pid)
let most = before
const startedAt = performance.now()
// The partial name keeps the folder from taking it.
const sftp = spawn('sftp', [...args, '-b', '-', `${login.username}@127.0.0.1`], {
  stdio: ['pipe', 'ignore', 'inherit'],
})
sftp.stdin.end(`put ${file} large.csv.part\n`)
const done = once(sftp, 'exit')
let hasEnded = false
void done.then(() => {
  hasEnded = true
})
const samples: number[] = []
while (!hasEnded) {
  await pause(250)
  const now = residentBytes(pid)
  samples.push(Math.round(now / MIB))
  most = Math.max(most, now)
}
const seconds = (performance.now() - startedAt) / 1_000
const [code] = (await done) as [number]
const arrived = statSync(join(folder, 'drop', 'acme', 'large.csv.part')).size
engine.child.kill('SIGTERM')
await engine.ended
rmSync(folder, { recursive: true, force: true })
console.log(JSON.stringify({ mib, code, whole: arrived === mib * MIB, seconds: Number(seconds.toFixed(1)) }))
console.log(
  JSON.stringify({
    mibPerSecond: Math.round(mib / seconds),
    beforeMib: Math.round(before / MIB),
    mostMib: Math.round(most / MIB),
    samples,
  }),
)
