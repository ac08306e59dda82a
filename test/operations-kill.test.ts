/**
 * kill -9 of engines and commands while a backup or a restore is made (seeded moments): a backup is complete or refused, a restored
 * directory is whole or not there, and the next try succeeds. Damaged backups are refused with the file named.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ADMIN_KEY, api, configFile } from '../bench/processes.js'
import { readManifest } from '../src/engine/backup/manifest.js'
import { restoreBackup } from '../src/engine/backup/restore-backup.js'
import { Random } from '../src/engine/base/random.js'
import { systemClock } from '../src/engine/contract/clock.js'
import { EngineError } from '../src/engine/contract/errors.js'
import { verifyDirectory } from '../src/engine/verify/verify-directory.js'
import { type Rig, seed, startRig } from './acceptance-run.js'
import { run } from './cli-run.js'
import { csvOf } from './engine-harness.js'
import { backUpOverHttp, succeeded } from './operations-stand.js'

const timeout = 580_000
t.setTimeout(timeout)

const random = new Random(seed)
const CLI = fileURLToPath(new URL('../src/cli.js', import.meta.url))
/** Enough to copy that a kill may fall into it. */
const BALLAST_BYTES = 48 << 20
const kills = Number(process.argv[3] ?? 2)
const steps = { clock: systemClock, progress: () => {} }

function command(args: string[]): ChildProcess {
  return spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, CLI, ...args], { stdio: 'ignore' })
}

/** What the folder is: a backup that can be restored, or none, and then it says so. */
async function standing(folder: string): Promise<'complete' | 'refused'> {
  try {
    readManifest(folder)
  } catch (error) {
    if (error instanceof EngineError && error.code === 'CONFIG_INVALID') return 'refused'
    throw error
  }
  const dataDir = `${folder}-restored`
  await restoreBackup({ backup: folder, dataDir, resume: false }, steps)
  const { ok, findings } = await verifyDirectory(dataDir, () => {})
  if (!ok) throw new Error(JSON.stringify(findings))
  rmSync(dataDir, { recursive: true })
  return 'complete'
}

/** An engine with a job that goes on, and a large file in its directory. */
async function busyRig(t: Parameters<typeof startRig>[0]): Promise<Rig> {
  const rig = await startRig(t, { carrier: { ratePerSecond: 100 } })
  const id = await rig.createJob({ from: 'ACME', text: 'Hi ~name~' })
  const file = path.join(rig.folder, 'recipients.csv')
  writeFileSync(file, csvOf(5_000))
  await rig.upload(id, file)
  writeFileSync(path.join(rig.folder, 'data', 'uploads', 'ballast.csv'), Buffer.alloc(BALLAST_BYTES, 'x'))
  return rig
}

/** The folder is there; or the command has ended before it was seen. */
async function begun(folder: string, child: ChildProcess | null = null): Promise<void> {
  while (!existsSync(folder) && child?.exitCode == null) await pause(2)
}

/** kill -9, if it still runs. */
async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

t.test(`engines and commands are killed; seed ${seed}`, { timeout }, async (t) => {
  const rig = await busyRig(t)
  const dataDir = path.join(rig.folder, 'data')

  await t.test('kill -9 of the engine while it makes a backup', async (t) => {
    const seen: string[] = []
    for (let n = 0; n < kills; n++) {
      const folder = path.join(rig.folder, `killed-${n}`)
      const asked = api(rig.engine.url, ADMIN_KEY).post('/v1/backups', { folder })
      asked.catch(() => {})
      await begun(folder)
      await pause(random.below(80))
      await rig.kill()
      seen.push(await standing(folder))
      await rig.start()
      t.notOk(existsSync(path.join(dataDir, 'backup-links')), 'the next start leaves no links behind')
    }
    t.comment(seen.join(', '))
    t.equal(seen.length, kills)
    t.equal(await standing(await backUpOverHttp(rig, 'after-kills')), 'complete', 'and then a backup is made')
  })

  await t.test('a backup that is canceled takes away what it made', async (t) => {
    const admin = api(rig.engine.url, ADMIN_KEY)
    const folder = path.join(rig.folder, 'canceled')
    const { id } = await admin.post<{ id: string }>('/v1/backups', { folder })
    const { state } = await admin.post<{ state: string }>(`/v1/backups/${id}/cancel`, {})
    t.ok(state === 'canceled' || state === 'finished', state)
    t.equal(existsSync(folder), state === 'finished')
    t.notOk(existsSync(path.join(dataDir, 'backup-links')), 'no links are left')
  })

  await t.test('kill -9 of the command', async (t) => {
    const folder = path.join(rig.folder, 'by-engine')
    const child = command(['backup', folder, '--config', configFile(rig.folder)])
    await begun(folder)
    await killed(child)
    const admin = api(rig.engine.url, ADMIN_KEY)
    const running = async () => (await admin.get<{ items: { state: string }[] }>('/v1/backups')).items[0]!.state
    while ((await running()) === 'running') await pause(20)
    t.equal(await standing(folder), 'complete', 'whom the engine works for does not matter')

    await rig.terminate()
    const offline = path.join(rig.folder, 'offline')
    const alone = command(['backup', offline, '--config', configFile(rig.folder)])
    await begun(offline)
    await pause(random.below(60))
    await killed(alone)
    t.comment(`without an engine: ${await standing(offline)}`)
    succeeded(await run(['backup', path.join(rig.folder, 'offline-2'), '--config', configFile(rig.folder)]))
    t.equal(await standing(path.join(rig.folder, 'offline-2')), 'complete', 'the next one is made')
    t.match(await verifyDirectory(dataDir, () => {}), { ok: true }, 'the directory itself is whole')
  })

  await t.test('kill -9 of a restore', async (t) => {
    const backup = path.join(rig.folder, 'after-kills')
    for (let n = 0; n < kills; n++) {
      const target = path.join(rig.folder, `target-${n}`)
      const child = command(['restore', backup, '--data-dir', target])
      await begun(`${target}.restoring`, child)
      await pause(random.below(150))
      await killed(child)
      if (!existsSync(target)) succeeded(await run(['restore', backup, '--data-dir', target]))
      t.match(await verifyDirectory(target, () => {}), { ok: true }, 'whole, or not there and made by the next')
      t.notOk(existsSync(`${target}.restoring`))
      rmSync(target, { recursive: true })
    }
  })

  await t.test('damaged backups are refused, with the file named', async (t) => {
    const whole = path.join(rig.folder, 'after-kills')
    const damages: [string, (folder: string) => void, RegExp][] = [
      ['a changed octet', (folder) => flip(path.join(folder, 'queue.records')), /queue\.records is damaged/],
      [
        'a file cut off',
        (folder) => truncateSync(path.join(folder, 'documents.records'), 100),
        /documents\.records has 100 octets/,
      ],
      ['a file gone', (folder) => rmSync(path.join(folder, 'files', 'secret.key')), /secret\.key cannot be read/],
      [
        'a manifest cut off',
        (folder) => truncateSync(path.join(folder, 'manifest.json'), 50),
        /manifest\.json is damaged/,
      ],
      [
        'a manifest of nothing',
        (folder) => writeFileSync(path.join(folder, 'manifest.json'), 'null'),
        /is not the manifest/,
      ],
      ['no manifest', (folder) => rmSync(path.join(folder, 'manifest.json')), /has no manifest\.json/],
    ]
    for (const [name, damage, said] of damages) {
      const folder = path.join(rig.folder, 'damaged')
      cpSync(whole, folder, { recursive: true })
      damage(folder)
      const target = path.join(rig.folder, 'target')
      await t.rejects(restoreBackup({ backup: folder, dataDir: target, resume: false }, steps), { message: said }, name)
      t.notOk(existsSync(target) || existsSync(`${target}.restoring`), 'nothing is left')
      rmSync(folder, { recursive: true })
    }
  })

  await t.test('what is not a place for a backup or a restore is refused', async (t) => {
    const full = path.join(rig.folder, 'full')
    mkdirSync(full)
    writeFileSync(path.join(full, 'mine'), 'mine')
    const backup = path.join(rig.folder, 'after-kills')
    const intoFull = await run(['restore', backup, '--data-dir', full])
    t.equal(intoFull.code, 1)
    t.match(intoFull.stderr, /is not empty/)
    const ontoFile = await run(['restore', backup, '--data-dir', path.join(full, 'mine')])
    t.match(ontoFile.stderr, /mine is no folder/)
    const onFull = await run(['backup', full, '--data-dir', dataDir])
    t.match(onFull.stderr, /it is not empty/)
    t.same(readdirSync(full), ['mine'], 'and what lay there is untouched')
    await rig.start()
    const whileRunning = await run(['verify', '--data-dir', dataDir])
    t.match(whileRunning.stderr, /an engine is running/)
  })
})

function flip(file: string): void {
  const bytes = readFileSync(file)
  bytes[Math.floor(statSync(file).size / 2)]! ^= 4
  writeFileSync(file, bytes)
}
