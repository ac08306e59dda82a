/**
 * What the access matrix stands on: a real engine, two accounts of which one owns a thing of every kind, keys of every
 * role, and the operations of the OpenAPI document. Things are made by rule: a collection that takes PUT gets a name, one
 * that takes POST makes an id, another is read from its list.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Test } from 'tap'
import { makeKey } from '../src/engine/accounts/key.js'
import { parseConfig } from '../src/engine/config/load.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Documents } from '../src/engine/store/documents.js'
import { writeWav } from '../src/sip/speech/wav-file.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { startServer } from '../src/start.js'
import { type Answer, type CallOptions, send } from './http-engine.js'

/** Stands in everything that the owner makes, so that it can be looked for in what others are answered. */
export const MARK = 'planted-by-the-owner'

export interface Schema {
  type?: string | string[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  enum?: unknown[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  additionalProperties?: boolean | Schema
  $ref?: string
}

export interface Operation {
  /** Such as `GET /v1/jobs/{id}`. */
  name: string
  method: string
  path: string
  /** undefined: it needs no key. */
  auth: 'admin' | 'account' | 'any' | undefined
  /** The scope that a key of an account needs. */
  scope: string | undefined
  /** Of a JSON body. */
  body: Schema | undefined
  takesBody: boolean
  /** Names of its query parameters. */
  query: string[]
}

interface Described {
  'x-auth'?: Operation['auth']
  security?: { bearer?: string[] }[]
  requestBody?: { content: Record<string, { schema?: Schema }> }
  parameters?: { name: string; in: string }[]
}

export interface World {
  operations: Operation[]
  schemas: Record<string, Schema>
  keys: { admin: string; owner: string; reader: string; other: string; expired: string }
  /** By collection, such as /v1/jobs: the owner's thing. */
  owned: Map<string, string>
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
}

const admin = 'admin-key-of-this-test'
const recipient = '+447712345678'
const contact = '+447712345670'
const ownSender = '+447700900001'

/** Bodies of things that a schema alone cannot describe; a new kind of thing needs a line here. */
const bodies: Record<string, unknown> = {
  '/v1/recordings': tone(),
  '/v1/templates': { text: `Hello ${MARK}` },
  '/v1/profiles': { text: `Hello ${MARK}`, from: 'ACME' },
  '/v1/webhooks': { url: `https://example.com/${MARK}` },
  '/v1/jobs': { name: MARK, text: `Hello ${MARK}`, from: 'ACME', tags: [MARK] },
  '/v1/rules': { event: MARK, when: 'at once', send: [{ template: MARK }] },
  '/v1/events': { type: MARK, id: `event-${MARK}`, to: recipient, data: { name: MARK } },
  // Of nobody else's things, or they would be gone.
  '/v1/erasures': { email: `${MARK}@example.com` },
  '/v1/messages': { to: recipient, from: ownSender, text: `Hello ${MARK}` },
}

/** A body that makes a thing of this collection. */
export function bodyFor(collection: string): object {
  return (bodies[collection] ?? {}) as object
}

/** Of its type, where that is not JSON. */
function headersFor(collection: string): Record<string, string> {
  return collection === '/v1/recordings' ? { 'content-type': 'audio/wav' } : {}
}

/** A tenth of a second of a tone, 8 kHz. */
function tone(): Buffer {
  const pcm = Int16Array.from({ length: 800 }, (_, n) => Math.round(8_000 * Math.sin(n / 2)))
  return writeWav(pcm)
}

/** Things that an upload to another route makes: its path, and a file. */
const uploads: Record<string, { path: string; body: string }> = {
  '/v1/imports': { path: '/v1/contacts/import', body: `number,name\n+447712345671,${MARK}\n` },
}
/** How often a list is asked for its first item. */
const LOOKS_MAX = 5_000

export async function makeWorld(t: Test): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-access-'))
  const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
  const { port } = await smsc.listen()
  const carrier = `{ id: sim, protocol: smpp, host: 127.0.0.1, port: ${port}, systemId: a, password: b }`
  const drops = join(folder, 'drop')
  const yaml = `{ dataDir: ${folder}, http: { port: 0, adminKey: ${admin} }, carriers: [${carrier}], dropFolder: { root: ${drops}, settleMs: 100 } }`
  const expired = await expiredKey(folder)
  const config = parseConfig(yaml, { name: 'test', folder, env: {} })
  const exit = (code: number) => t.fail(`the engine stopped with ${code}`)
  const server = await startServer(config, { log: silentLog, exit })
  t.teardown(async () => {
    await server.stop()
    await smsc.close()
    rmSync(folder, { recursive: true })
  })
  const call: World['call'] = (method, path, options = {}) => patient(server.url + path, method, options)
  const account = async (id: string): Promise<string> => {
    const body = { id, name: `${id}-${MARK}`, defaultCountry: 'GB' }
    return (await call('POST', '/v1/accounts', { key: admin, body })).json.key
  }
  const owner = await account('owner')
  const other = await account('other')
  const made = await call('POST', '/v1/accounts/owner/keys', { key: admin, body: { scopes: ['read'] } })
  const keys = { admin, owner, reader: made.json.key as string, other, expired }
  const document = (await call('GET', '/openapi.json')).json
  const operations = operationsOf(document.paths)
  const world: World = { operations, schemas: document.components.schemas, keys, owned: new Map(), call }
  await drop(drops)
  await own(world, smsc)
  return world
}

/** Put into the store before the engine starts: over HTTP no key can be made that expired already. */
async function expiredKey(folder: string): Promise<string> {
  const { id, key, digest } = makeKey()
  const documents = new Documents(folder)
  const terms = { name: null, scopes: ['read', 'send', 'manage'], expiresAtMs: 1, cidrs: [] }
  const record = { id, account: 'owner', digest, ...terms, createdAtMs: 0, lastUsedAtMs: null }
  await documents.put('keys', [id], record)
  await documents.close()
  return key
}

/** Refused keys are slowed down by address: a refusal for that alone is asked again. */
async function patient(url: string, method: string, options: CallOptions): Promise<Answer> {
  for (;;) {
    const answer = await send(url, method, options)
    if (answer.status !== 429) return answer
  }
}

function operationsOf(paths: Record<string, Record<string, Described>>): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([verb, described]) => {
      const method = verb.toUpperCase()
      return {
        name: `${method} ${path}`,
        ...{ method, path },
        auth: described['x-auth'],
        scope: described.security?.[0]?.bearer?.[0],
        body: described.requestBody?.content['application/json']?.schema,
        takesBody: described.requestBody !== undefined,
        query: (described.parameters ?? []).filter((part) => part.in === 'query').map(({ name }) => name),
      }
    }),
  )
}

/** `/v1/jobs/{id}/pause` → `/v1/jobs`: where the thing that it is about belongs. */
export function collectionOf({ path }: Operation): string | null {
  const at = path.indexOf('/{')
  return at < 0 ? null : path.slice(0, at)
}

/** A file of the owner's: what becomes of it is read from the list of dropped files. */
async function drop(root: string): Promise<void> {
  const folder = join(root, 'owner')
  while (!existsSync(join(folder, 'error'))) await setImmediate()
  writeFileSync(join(folder, `${MARK}.csv`), `to,name\n+447712345672,${MARK}\n`)
}

/** Makes a thing of the owner's in every collection that belongs to accounts. */
async function own(world: World, smsc: Smsc): Promise<void> {
  const { call, keys, operations, owned } = world
  const collections = new Set(operations.filter(({ auth }) => auth === 'account' || auth === 'any').map(collectionOf))
  collections.delete(null)
  for (const collection of collections as Set<string>) {
    const put = operations.find(({ method, path }) => method === 'PUT' && isThing(path, collection))
    const post = operations.find(({ method, path }) => method === 'POST' && path === collection)
    const body = bodyFor(collection)
    if (put !== undefined) {
      const name = put.path.endsWith('{number}') ? contact : MARK
      const answer = await call('PUT', `${collection}/${encodeURIComponent(name)}`, {
        key: keys.owner,
        body,
        headers: headersFor(collection),
      })
      if (answer.status !== 200) throw new Error(`${put.name}: give a body in access-world.ts; ${answer.text}`)
      owned.set(collection, name)
    } else if (post !== undefined) {
      const answer = await call('POST', collection, { key: keys.owner, body })
      if (answer.status >= 300) throw new Error(`${post.name}: give a body in access-world.ts; ${answer.text}`)
      owned.set(collection, answer.json.id)
    }
  }
  for (const [collection, { path, body }] of Object.entries(uploads)) {
    if (!collections.has(collection)) continue
    const answer = await call('POST', path, { key: keys.owner, body, headers: { 'content-type': 'text/csv' } })
    if (answer.status >= 300) throw new Error(`POST ${path}: give a file in access-world.ts; ${answer.text}`)
    owned.set(collection, answer.json.id)
  }
  await reply(world, smsc)
  for (const collection of collections as Set<string>) {
    if (!owned.has(collection)) owned.set(collection, await firstOf(world, collection))
  }
}

function isThing(path: string, collection: string): boolean {
  return path.startsWith(`${collection}/{`) && !path.slice(collection.length + 2).includes('/')
}

/** The recipient of the owner's message answers it. */
async function reply({ call, keys, owned }: World, smsc: Smsc): Promise<void> {
  const path = `/v1/messages/${owned.get('/v1/messages')}`
  for (;;) {
    const { json } = await call('GET', path, { key: keys.owner })
    if (json.state === 'delivered') break
  }
  await smsc.subscribers.send({ from: recipient, to: ownSender, text: `Thanks ${MARK}` })
}

/** Id of the first item of a list, once there is one. */
async function firstOf({ call, keys }: World, collection: string): Promise<string> {
  for (let look = 0; look < LOOKS_MAX; look++) {
    const answer = await call('GET', collection, { key: keys.owner })
    if (answer.status !== 200) throw new Error(`nothing of ${collection} can be owned: ${answer.text}`)
    const [first] = answer.json.items
    if (first !== undefined) return first.id ?? first.name
  }
  throw new Error(`nothing is in ${collection}: make something in access-world.ts`)
}
