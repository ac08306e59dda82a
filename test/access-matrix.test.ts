/**
 * Who may do what, for every operation of the OpenAPI document and every role: made from the document, so that a route that
 * comes later is tested by its coming. A thing of another account answers exactly as one that never was (OWASP API1, API5),
 * and no body takes a field that its schema does not name (API3).
 */
import t from 'tap'
import { bodyFor, collectionOf, MARK, makeWorld, type Operation, type Schema, type World } from './access-world.js'
import type { Answer, CallOptions } from './http-engine.js'

const world: World = await makeWorld(t)
const { call, keys, operations, owned } = world

/** As the thing that no account has, written like one that there is. */
function unknownLike(id: string): string {
  if (/^[a-z]+_[0-9a-z]+$/.test(id)) return `${id.slice(0, -4)}zzzz`
  return /^\+\d+$/.test(id) ? `${id.slice(0, -1)}${id.endsWith('9') ? '8' : '9'}` : `${id}-2`
}

/** The path with the thing in it; further parameters get a word. */
function pathWith({ path }: Operation, thing: string): string {
  return path.replace(/\{\w+\}/, encodeURIComponent(thing)).replaceAll(/\{\w+\}/g, 'x')
}

/** Without what is new in every answer. */
function normal({ status, text, headers }: Answer, thing: string): object {
  const plain = text
    .replaceAll(thing, 'THING')
    .replaceAll(encodeURIComponent(thing), 'THING')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/whsec_[\w+/=]+/g, 'SECRET')
    .replaceAll(/req_[0-9a-z]+/g, 'REQUEST')
  return { status, text: plain, type: headers.get('content-type') }
}

/** A body for the route: an empty object fits the schema or is refused by it, which is an answer as well. */
function asked({ body, takesBody, path }: Operation): Pick<CallOptions, 'body' | 'headers'> {
  if (body !== undefined) return { body: {} }
  return takesBody || path.endsWith('/recipients') ? { body: 'to\n1\n', headers: { 'content-type': 'text/csv' } } : {}
}

function isRefusal({ status, json }: Answer): boolean {
  return status === 401 || (status === 403 && json.code === 'FORBIDDEN')
}

const closed = operations.filter(({ auth }) => auth !== undefined)
const ofAccounts = closed.filter(({ auth }) => auth !== 'admin')
const aboutThings = ofAccounts.filter((operation) => collectionOf(operation) !== null)

t.test('the document says of every operation which key it takes, or that it takes none', async (t) => {
  t.ok(operations.length > 50, `${operations.length} operations`)
  for (const { name, auth, path, scope } of operations) {
    if (auth === undefined) t.notMatch(path, /^\/v1\//, `${name} is under /v1 and takes no key`)
    else t.ok(['admin', 'read', 'send', 'manage'].includes(scope!), `${name}: ${scope}`)
  }
})

t.test('nobody is let in without a key, with an expired one, or with one that is none', async (t) => {
  for (const operation of closed) {
    const path = pathWith(operation, 'x')
    const without = await call(operation.method, path, { key: null, ...asked(operation) })
    t.match(without, { status: 401, json: { code: 'UNAUTHORIZED' } }, `${operation.name} without a key`)
    const expired = await call(operation.method, path, { key: keys.expired, ...asked(operation) })
    t.match(expired, { status: 401, json: { detail: /expired/ } }, `${operation.name} with an expired key`)
    const wrong = await call(operation.method, path, { key: 'sk_live_none', ...asked(operation) })
    t.equal(wrong.status, 401, `${operation.name} with no key of ours`)
  }
})

t.test('a key of an account is refused what is the admin’s, and the admin key what is an account’s', async (t) => {
  for (const operation of closed) {
    const { auth, method, name } = operation
    const path = pathWith(operation, 'x')
    const ask = { ...asked(operation) }
    const asAccount = await call(method, path, { key: keys.other, ...ask })
    t.equal(isRefusal(asAccount), auth === 'admin', `${name} by an account: ${asAccount.text}`)
    const asAdmin = await call(method, path, { key: keys.admin, ...ask })
    t.equal(isRefusal(asAdmin), auth === 'account', `${name} by the admin: ${asAdmin.text}`)
    if (auth === 'account') t.match(asAdmin.json.detail, /Trunkline-Account/)
    if (auth === 'admin') continue
    const headers = { ...ask.headers, 'trunkline-account': 'other' }
    const onBehalf = await call(method, path, { key: keys.admin, ...ask, headers })
    t.notOk(isRefusal(onBehalf), `${name} by the admin for an account: ${onBehalf.text}`)
  }
})

t.test('a key that may only read is refused everything else, with the scope that it lacks', async (t) => {
  for (const operation of ofAccounts) {
    const { method, name, scope } = operation
    const answer = await call(method, pathWith(operation, 'x'), { key: keys.reader, ...asked(operation) })
    if (scope === 'read') t.notOk(isRefusal(answer), `${name}: ${answer.text}`)
    else t.match(answer, { status: 403, json: { code: 'FORBIDDEN', detail: `\`${scope}\`` } }, name)
    // A POST may be a question that is too long for a URL.
    if (!['GET', 'POST'].includes(method)) t.not(scope, 'read', `${name} changes something`)
  }
})

t.test('the owner reaches its things, so that what follows asks for things that there are', async (t) => {
  for (const operation of aboutThings.filter(({ method }) => method === 'GET')) {
    const thing = owned.get(collectionOf(operation)!)!
    const answer = await call('GET', pathWith(operation, thing), { key: keys.owner })
    t.notOk([400, 401, 403, 404, 405].includes(answer.status), `${operation.name}: ${answer.text.slice(0, 200)}`)
  }
})

t.test('no list and no search shows anything of another account', async (t) => {
  const ids = [...owned.values()].filter((id) => /^[a-z]+_/.test(id))
  for (const { method, name, path } of ofAccounts.filter(({ path }) => !path.includes('{'))) {
    if (method !== 'GET') continue
    const answer = await call('GET', path, { key: keys.other })
    t.notMatch(answer.text, MARK, name)
    for (const id of ids) t.notMatch(answer.text, id, `${name}: ${id}`)
  }
})

t.test('a thing of another account answers as one that never was, and stays as it is', async (t) => {
  const before = await ownedViews()
  const headers = { 'trunkline-account': 'other' }
  for (const operation of aboutThings) {
    const { method, name } = operation
    const thing = owned.get(collectionOf(operation)!)!
    const unknown = unknownLike(thing)
    for (const role of [{ key: keys.other }, { key: keys.admin, headers }]) {
      const ask = asked(operation)
      const options = { ...ask, ...role, headers: { ...ask.headers, ...role.headers } }
      const foreign = await call(method, pathWith(operation, thing), options)
      const none = await call(method, pathWith(operation, unknown), options)
      t.same(normal(foreign, thing), normal(none, unknown), `${name} ${role.key === keys.admin ? 'for' : 'by'} another`)
      t.notMatch(foreign.text.replaceAll(thing, ''), MARK, `${name} tells nothing of the owner’s`)
    }
  }
  t.same(await ownedViews(), before, 'the owner’s things are as they were')
})

t.test('a thing of another account named in a query answers as one that never was', async (t) => {
  let asked = 0
  for (const { method, name, path, query } of ofAccounts.filter(({ method }) => method === 'GET')) {
    for (const parameter of query) {
      const thing = parameter === 'account' ? 'owner' : owned.get(`/v1/${parameter}s`)
      if (thing === undefined) continue
      const rest = query.includes('text') ? '&text=x' : ''
      const at = (value: string) =>
        `${path.replaceAll(/\{\w+\}/g, 'x')}?${parameter}=${encodeURIComponent(value)}${rest}`
      const foreign = await call(method, at(thing), { key: keys.other })
      const none = await call(method, at(unknownLike(thing)), { key: keys.other })
      t.same(normal(foreign, thing), normal(none, unknownLike(thing)), `${name} ?${parameter}`)
      asked++
    }
  }
  t.ok(asked > 0)
})

/** The owner's things as it sees them; what tells of time and of deliveries aside. */
async function ownedViews(): Promise<[string, unknown][]> {
  const views: [string, unknown][] = []
  for (const operation of aboutThings.filter(({ method, path }) => method === 'GET' && path.endsWith('}'))) {
    const thing = owned.get(collectionOf(operation)!)!
    const answer = await call('GET', pathWith(operation, thing), { key: keys.owner })
    views.push([operation.name, answer.json.text ?? answer.json.url ?? answer.json.settings ?? answer.status])
  }
  return views
}

/** Answered as done, though nothing is otherwise than before. */
const changesNothing = new Set([
  // A sample is looked at; only with ?save=true it becomes a profile.
  'POST /v1/profiles/{name}/sample',
  // Canceled by then, by POST /v1/events/{id}/cancel.
  'DELETE /v1/events/{id}',
])

t.test('every change of a thing leaves a record in the audit log of its owner', async (t) => {
  const newest = async () => (await call('GET', '/v1/audit?limit=1', { key: keys.admin })).json.items[0]
  const order = ['PUT', 'PATCH', 'POST', 'DELETE']
  const changes = aboutThings
    .filter(({ name, method, scope }) => order.includes(method) && scope !== 'read' && !changesNothing.has(name))
    .sort((a, b) => order.indexOf(a.method) - order.indexOf(b.method))
  let made = 0
  for (const operation of changes) {
    const collection = collectionOf(operation)!
    const ask =
      operation.method === 'PUT' && operation.body !== undefined ? { body: bodyFor(collection) } : asked(operation)
    const { number } = await newest()
    const answer = await call(operation.method, pathWith(operation, owned.get(collection)!), {
      key: keys.owner,
      ...ask,
    })
    // A change that the state of the thing does not allow changes nothing.
    if (answer.status >= 300) continue
    const record = await newest()
    t.ok(record.number > number, `${operation.name} ${answer.status}: ${answer.text.slice(0, 100)}`)
    t.match(record, { account: 'owner', actor: 'key', ip: '127.0.0.1' }, operation.name)
    t.notMatch(record.object.replace(/[a-z]+_[0-9a-z]+/, ''), /\d{7}/, `${operation.name} shows no number`)
    made++
  }
  t.ok(made > 8, `${made} changes were made`)
})

t.test('no body takes a field that its schema does not name, at whatever depth', async (t) => {
  const key = (operation: Operation) => (operation.auth === 'admin' ? keys.admin : keys.owner)
  let places = 0
  for (const operation of closed.filter(({ body }) => body !== undefined)) {
    for (const { value, pointer } of intruders(operation.body!)) {
      const answer = await call(operation.method, pathWith(operation, 'x'), { key: key(operation), body: value })
      const pointers = (answer.json?.errors ?? []).map((error: { pointer: string }) => error.pointer)
      t.equal(answer.status, 422, `${operation.name} ${pointer}: ${answer.text.slice(0, 200)}`)
      // Where a body may have one of several shapes, the place of the choice is named.
      const isNamed = pointers.some((place: string) => pointer === place || pointer.startsWith(`${place}/`))
      t.ok(isNamed, `${operation.name} ${pointer}: ${pointers}`)
      places++
    }
  }
  t.ok(places > 20, `${places} places`)
})

/** Bodies with an unknown field, one for each object that the schema describes; whatever is required is there. */
function intruders(schema: Schema, pointer = ''): { value: object; pointer: string }[] {
  const { properties, items, required = [], ...rest } = resolved(schema)
  const branches = rest.anyOf ?? rest.oneOf
  if (branches !== undefined) return branches.flatMap((branch) => intruders(branch, pointer))
  if (items !== undefined) {
    return intruders(items, `${pointer}/0`).map(({ value, pointer: at }) => ({ value: [value], pointer: at }))
  }
  if (properties === undefined) return []
  const needed = Object.fromEntries(required.map((name) => [name, exampleOf(properties[name]!)]))
  const own = { value: { ...needed, 'zz-unknown': 1 }, pointer: `${pointer}/zz-unknown` }
  const inner = Object.entries(properties).flatMap(([name, property]) =>
    intruders(property, `${pointer}/${name}`).map(({ value, pointer: at }) => ({
      value: { ...needed, [name]: value },
      pointer: at,
    })),
  )
  return [own, ...inner]
}

/** A value of the type; its meaning is not looked at before the fields are. */
function exampleOf(schema: Schema): unknown {
  const { type, enum: values, properties = {}, required = [], items, anyOf, oneOf } = resolved(schema)
  const branches = anyOf ?? oneOf
  if (branches !== undefined) return exampleOf(branches[0]!)
  if (values !== undefined) return values[0]
  switch ([type].flat()[0]) {
    case 'object':
      return Object.fromEntries(required.map((name) => [name, exampleOf(properties[name]!)]))
    case 'array':
      return items === undefined ? [] : [exampleOf(items)]
    case 'integer':
    case 'number':
      return 1
    case 'boolean':
      return true
    default:
      return '+447712345678'
  }
}

function resolved(schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1)
  return name === undefined ? schema : world.schemas[name]!
}
