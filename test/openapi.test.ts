/**
 * The OpenAPI document is what a client can be made from: a linter that is not ours finds no error in it, and a client
 * that another generator makes of it compiles and drives a job to its end on a real engine.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import { silentLog } from '../src/engine/contract/log.js'
import { COMPONENTS } from '../src/http/components.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { startServer } from '../src/start.js'
import { send } from './http-engine.js'

/** tap hangs its loader on every child by NODE_OPTIONS, which the compiler does not survive; env drops it. */
const env = { ...process.env, NODE_OPTIONS: '', REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
const execute = promisify(execFile)

/** A Node program of its own: the engine answers from this process, and refuses what only looks when its memory is scarce. */
async function run(program: string, args: string[]): Promise<string> {
  const { stdout } = await execute('env', ['-u', 'NODE_OPTIONS', process.execPath, program, ...args], {
    cwd: folder,
    env,
  })
  return stdout
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'trunkline-openapi-'))
const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
const { port } = await smsc.listen()
const yaml = `
dataDir: ${join(folder, 'data')}
http: { port: 0, adminKey: admin-key-of-this-test }
carriers: [{ id: sim, protocol: smpp, host: 127.0.0.1, port: ${port}, systemId: trunk, password: secret }]
`
const config = parseConfig(yaml, { name: 'test', folder, env: {} })
const server = await startServer(config, { log: silentLog, exit: (code) => t.fail(`the engine stopped with ${code}`) })
t.teardown(async () => {
  await server.stop()
  await smsc.close()
  rmSync(folder, { recursive: true })
})

const { json: document, text } = await send(`${server.url}/openapi.json`, 'GET', {})
const file = join(folder, 'openapi.json')
writeFileSync(file, text)

interface Operation {
  operationId: string
  summary: string
  tags: string[]
}

function operations(): { where: string; operation: Operation }[] {
  return Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ where: `${method} ${path}`, operation })),
  )
}

t.test('an independent linter finds no error in the OpenAPI document', async (t) => {
  const bin = join(root, 'node_modules/@redocly/cli/bin/cli.js')
  const lint = ['lint', file, '--extends', 'recommended', '--format', 'json']
  const found = JSON.parse(await run(bin, lint).catch(({ stdout }) => stdout))
  t.match(found.totals, { errors: 0 }, JSON.stringify(found.problems))
})

t.test('every operation has a name of its own, a summary and a tag that the document explains', async (t) => {
  const names = operations().map(({ operation }) => operation.operationId)
  t.same([...new Set(names)], names)
  const tags = (document.tags as { name: string }[]).map(({ name }) => name)
  for (const { where, operation } of operations()) {
    t.match(operation.operationId, /^[a-z][A-Za-z]+$/, where)
    t.ok(operation.summary, where)
    for (const tag of operation.tags) t.ok(tags.includes(tag), `${where}: ${tag}`)
  }
})

t.test('every named schema is among the components, and stands nowhere else', async (t) => {
  t.same(Object.keys(document.components.schemas), Object.keys(COMPONENTS).sort())
})

const driver = `
import { Api, type Job, type Message } from './client.js'
const [baseUrl, key] = process.argv.slice(2) as [string, string]
const { v1 } = new Api({ baseUrl, baseApiParams: { headers: { authorization: 'Bearer ' + key } } })
const made = await v1.createJob({ from: 'ACME', text: 'Hi ~name~', recipients: [
  { to: '+447712345101', name: 'Ann' }, { to: '+447712345102', name: 'Bob' }, { to: '12', name: 'Nobody' },
] })
const id: string = made.data.id
let job: Job
do job = (await v1.getJob(id)).data
while (job.state === 'running' || job.state === 'receiving')
const page = await v1.listJobMessages(id)
const states = page.data.items.map((message: Message) => message.state)
console.log(JSON.stringify({ state: job.state, counts: job.counts, states }))
`
const settings = {
  compilerOptions: {
    strict: true,
    target: 'es2022',
    module: 'nodenext',
    lib: ['es2022', 'dom', 'dom.iterable'],
    types: ['node'],
    skipLibCheck: true,
    outDir: 'out',
  },
  files: ['client.ts', 'drive.ts'],
}

t.test('a client generated from the document compiles and drives a job to its end', async (t) => {
  const project = join(folder, 'project')
  mkdirSync(project)
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'))
  writeFileSync(join(project, 'package.json'), '{"type":"module"}')
  const generator = join(root, 'node_modules/swagger-typescript-api/dist/cli.mjs')
  await run(generator, ['generate', '--path', file, '--output', project, '--name', 'client.ts', '--silent'])
  writeFileSync(join(project, 'drive.ts'), driver)
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(settings))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  t.equal(await run(tsc, ['-p', project]).catch(({ stdout, stderr }) => `failed: ${stdout}${stderr}`), '')
  const account = { key: 'admin-key-of-this-test', body: { id: 'acme', defaultCountry: 'GB' } }
  const { json } = await send(`${server.url}/v1/accounts`, 'POST', account)
  const said = JSON.parse(await run(join(project, 'out/drive.js'), [server.url, json.key]))
  t.match(said, { state: 'finished', counts: { rows: 3, accepted: 2, rejected: 1, delivered: 2 } })
  t.same(said.states, ['delivered', 'delivered'])
})
