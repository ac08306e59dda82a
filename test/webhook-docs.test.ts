/** The snippets of docs/webhooks.md verify what a real delivery brings, and refuse what they should. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t from 'tap'
import { isSecret, makeSecret, signedHeaders } from '../src/engine/webhooks/secret.js'

const page = readFileSync(fileURLToPath(new URL('../../docs/webhooks.md', import.meta.url)), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'trunkline-snippets-'))
t.teardown(() => rmSync(folder, { recursive: true }))

function snippet(language: string): string {
  const blocks = [...page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))]
  if (blocks.length !== 1) throw new Error(`${blocks.length} blocks of ${language}`)
  return blocks[0]![1]!
}

const secret = makeSecret()
const former = makeSecret()
const body = Buffer.from(JSON.stringify({ type: 'job.updated', timestamp: 'now', data: [{ name: 'Grüße ~ €' }] }))
const nowSeconds = Math.floor(Date.now() / 1000)
const genuine = signedHeaders([secret, former], { id: 'whk_1', timestamp: nowSeconds, body })

interface Case {
  name: string
  secret: string
  headers: Record<string, string>
  body: string
  isGenuine: boolean
}

function caseOf(name: string, isGenuine: boolean, change: Partial<Case> = {}): Case {
  return { name, secret, headers: genuine, body: body.toString(), isGenuine, ...change }
}

const old = signedHeaders([secret], { id: 'whk_1', timestamp: nowSeconds - 600, body })
const cases = [
  caseOf('as it came', true),
  caseOf('with the former secret', true, { secret: former }),
  caseOf('with the secret of somebody else', false, { secret: makeSecret() }),
  caseOf('with another body', false, { body: body.toString().replace('job', 'jab') }),
  caseOf('with another id', false, { headers: { ...genuine, 'webhook-id': 'whk_2' } }),
  caseOf('with another time', false, { headers: { ...genuine, 'webhook-timestamp': String(nowSeconds - 1) } }),
  caseOf('that is old', false, { headers: old }),
  caseOf('with a forged signature', false, { headers: { ...genuine, 'webhook-signature': 'v1,AAAA v1,' } }),
  caseOf('with a signature of another version', false, {
    headers: { ...genuine, 'webhook-signature': genuine['webhook-signature']!.replaceAll('v1,', 'v2,') },
  }),
]

t.test('the snippet for Node tells genuine requests from others', async (t) => {
  const file = join(folder, 'verify.mjs')
  writeFileSync(file, snippet('js'))
  const { isGenuine } = await import(pathToFileURL(file).href)
  for (const one of cases) t.equal(isGenuine(one.secret, one.headers, Buffer.from(one.body)), one.isGenuine, one.name)
})

const hasPython = spawnSync('python3', ['--version']).status === 0
const skip = hasPython ? false : 'python3 is not installed'

t.test('the snippet for Python tells genuine requests from others', { skip }, async (t) => {
  const script = `${snippet('python')}
import json, sys
for one in json.load(sys.stdin):
    print(json.dumps(is_genuine(one["secret"], one["headers"], one["body"].encode())))
`
  const { stdout, stderr } = spawnSync('python3', ['-c', script], { input: JSON.stringify(cases), encoding: 'utf8' })
  t.strictSame(
    stdout.trim().split('\n'),
    cases.map((one) => String(one.isGenuine)),
    stderr,
  )
})

t.test('secrets are whsec_ and the base64 of 24 to 64 octets', async (t) => {
  for (const octets of [24, 32, 64]) t.ok(isSecret(`whsec_${Buffer.alloc(octets, 1).toString('base64')}`), `${octets}`)
  t.ok(isSecret(makeSecret()))
  t.not(makeSecret(), makeSecret())
  const encoded = Buffer.alloc(32, 1).toString('base64')
  const wrong = [
    '',
    'whsec_',
    encoded,
    `whsec_${Buffer.alloc(23).toString('base64')}`,
    `whsec_${Buffer.alloc(65).toString('base64')}`,
  ]
  for (const text of [...wrong, `whsec_${encoded} `, `whsec_${encoded.slice(0, -1)}`, `WHSEC_${encoded}`])
    t.notOk(isSecret(text), text)
})
