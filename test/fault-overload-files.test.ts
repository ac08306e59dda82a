/**
 * Files that are bombs (reliability.md F21, F22), at the real process: one row without an end, a million columns, a million quotes,
 * texts that expand ten thousand times, gzip that does. Each is refused or each of its rows is accounted for, in bounded memory,
 * and the next file is read as any other.
 */
import { closeSync, createReadStream, ftruncateSync, mkdirSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { megabytes, RESIDENT_MAX } from '../proof/overload/resident.js'
import { Random } from '../src/engine/base/random.js'
import type { JobView } from '../src/engine/contract/api.js'
import { assertSums } from './engine-harness.js'
import type { Answer } from './http-engine.js'
import { type Customer, calm, overloadStand } from './overload-stand.js'
import { seed } from './seed.js'

const BOMBS = Number(process.argv[3] ?? 200)
const ONE_ROW_BYTES = 600_000_000
/** F21: what such a file may add to the memory; the garbage of a socket that is read as fast as it can is more. */
const RESIDENT = { sparse: 32 << 20, letters: 128 << 20 }
const timeout = 580_000
const csv = { 'content-type': 'text/csv' }
const header = 'to,name\n'
const good = `${header}+447712345678,Ann\n`

const stand = await overloadStand(t)
const customer = await stand.account('files')

async function upload(
  { call }: Customer,
  file: Uint8Array | string,
  settings: object = {},
): Promise<Answer & { job: string }> {
  const { json } = await call('POST', '/v1/jobs', { body: { text: 'Hi ~name|you~', review: true, ...settings } })
  const answer = await call('PUT', `/v1/jobs/${json.id}/recipients`, { body: file, headers: csv })
  return { ...answer, job: json.id }
}

/** As long as the server reads: what it answers before the end counts. */
async function streamed(path: string, pieces: AsyncIterable<Uint8Array>): Promise<{ status: number; code: string }> {
  const response = await fetch(stand.engine.url + path, {
    method: 'PUT',
    headers: { authorization: `Bearer ${customer.key}`, ...csv },
    body: pieces as unknown as ReadableStream,
    duplex: 'half',
  } as RequestInit)
  const { code } = (await response.json()) as { code: string }
  return { status: response.status, code }
}

async function* sparse(path: string): AsyncGenerator<Uint8Array> {
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 18 })) yield piece as Uint8Array
}

async function* oneRow(bytes: number): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(1 << 18).fill(0x61)
  yield Buffer.from('to,name\n+447712345678,')
  for (let sent = 0; sent < bytes; sent += piece.length) yield piece
}

t.test(
  'a file of one row without an end is refused, whatever it is made of, and takes no memory',
  { timeout },
  async (t) => {
    const place = join(stand.engine.folder, 'bombs')
    mkdirSync(place)
    const path = join(place, 'sparse.csv')
    const file = openSync(path, 'w')
    ftruncateSync(file, ONE_ROW_BYTES)
    closeSync(file)
    t.ok(statSync(path).blocks < 1_000, 'the disk has nothing of it')
    await upload(customer, good)
    for (const [name, pieces] of [
      ['sparse', () => sparse(path)],
      ['letters', () => oneRow(ONE_ROW_BYTES)],
    ] as const) {
      const { json } = await customer.call('POST', '/v1/jobs', { body: { text: 'x', review: true } })
      const before = stand.resident.forget()
      const startedAt = performance.now()
      const { status, code } = await streamed(`/v1/jobs/${json.id}/recipients`, pieces())
      t.same({ status, code }, { status: 422, code: 'FILE_NOT_CSV' }, name)
      t.comment(
        `${name}: ${Math.round(performance.now() - startedAt)} ms, + ${megabytes(stand.resident.most - before)}`,
      )
      t.ok(stand.resident.most - before <= RESIDENT[name], `${name}: + ${megabytes(stand.resident.most - before)}`)
    }
    t.equal((await upload(customer, good)).status, 202)
  },
)

type Bomb = (random: Random) => { name: string; file: Uint8Array | string; settings?: object }

const bombs: Bomb[] = [
  (random) => ({ name: 'columns', file: `${'a,'.repeat(1_000_000 + random.below(1_000))}\n+447712345678\n` }),
  (random) => ({
    name: 'columns of a row',
    file: `${good}+447712345679${',x'.repeat(1_000_000 + random.below(1_000))}\n`,
  }),
  (random) => ({ name: 'quotes', file: `${good}+447712345679,${'"'.repeat(1_000_000 + random.below(2))}\n` }),
  (random) => ({
    name: 'pairs of quotes',
    file: `${good}+447712345679,"${'""'.repeat(500_000 + random.below(99))}"\n`,
  }),
  (random) => ({ name: 'an open quote', file: `${good}+447712345679,"${'x,y\n'.repeat(20_000 + random.below(2))}` }),
  (random) => ({ name: 'a field', file: `${good}+447712345679,${'x'.repeat(1_000_000 + random.below(99))}\n` }),
  (random) => ({ name: 'empty lines', file: good + '\n'.repeat(2_000_000 + random.below(99)) }),
  (random) => ({
    name: 'a text that expands',
    file: `${header}+447712345678,${'x'.repeat(16_000 - random.below(99))}\n`,
    settings: { text: '~name~'.repeat(2_000) },
  }),
  (random) => ({ name: 'gzip', file: gzipSync(Buffer.alloc((16 << 20) + random.below(99), 0x31)) }),
  (random) => ({
    name: 'half a gzip',
    file: gzipSync(Buffer.from(good.repeat(9_999))).subarray(0, 40 + random.below(200)),
  }),
]

t.test(`${BOMBS} bombs of every kind: refused, or every row accounted for; seed ${seed}`, { timeout }, async (t) => {
  const random = new Random(seed)
  const told: Record<string, number> = {}
  for (let n = 0; n < BOMBS; n++) {
    const { name, file, settings } = bombs[n % bombs.length]!(random)
    const { status, text, json, job } = await upload(customer, file, settings)
    const shown = (await customer.call('GET', `/v1/jobs/${job}`)).json as JobView
    if (status === 202) assertSums(shown)
    else if (status < 400 || status > 422) t.fail(`${name}: ${text}`)
    if (shown.counts.accepted > 1) t.fail(`${name}: a bomb was taken for rows: ${text}`)
    told[`${name}: ${status} ${json?.code ?? JSON.stringify(json?.rejectedByReason)}`] = n
    await customer.call('POST', `/v1/jobs/${job}/cancel`)
  }
  for (const line of Object.keys(told).sort()) t.comment(line)
  t.ok(stand.resident.most < RESIDENT_MAX, `${megabytes(stand.resident.most)} at the most`)
  await calm(stand)
  const fine = await upload(customer, good)
  t.match(fine.json, { counts: { rows: 1, accepted: 1 } }, fine.text)
})

t.test(
  'forms of too many, too deep and too large parts are refused, and the next one is read',
  { timeout },
  async (t) => {
    const part = (name: string, text: string, more = '') =>
      `--B\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${text}\r\n`
    const form = async (body: string) => {
      const headers = { 'content-type': 'multipart/form-data; boundary=B' }
      return await customer.call('POST', '/v1/jobs', { body, headers })
    }
    const file = part('file', good, '; filename="a.csv"')
    const forms = {
      'a thousand parts': part('x', 'y').repeat(1_000),
      'settings of two megabytes': part('job', JSON.stringify({ text: 'x'.repeat(2 << 20) })) + file,
      'deep settings': part('job', `{"text":${'['.repeat(100_000)}`) + file,
      'a head of a megabyte': `--B\r\nContent-Disposition: form-data; name="${'n'.repeat(1 << 20)}"\r\n\r\nx\r\n`,
      'no end': part('job', '{"text":"x","review":true}') + file.slice(0, -20),
      'form in form': part('job', '{"text":"x"}').replace('form-data;', 'form-data; x="').repeat(5_000),
    }
    for (const [name, parts] of Object.entries(forms)) {
      const { status, text } = await form(name === 'no end' ? parts : `${parts}--B--\r\n`)
      t.ok(status >= 400 && status <= 422, `${name}: ${status} ${text.slice(0, 200)}`)
    }
    t.equal((await form(`${part('job', '{"text":"x","review":true}')}${file}--B--\r\n`)).status, 202)
    await calm(stand)
    t.ok(stand.resident.most < RESIDENT_MAX, `${megabytes(stand.resident.most)} at the most`)
  },
)
