/** Bodies of any length in both directions, on real sockets: streamed, held back, refused early, broken off. */
import { EventEmitter, once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { EngineError } from '../src/engine/contract/errors.js'
import { BodyDeadlines } from '../src/http/body-deadlines.js'
import { accountKey, type Harness, job, startHttp } from './http-engine.js'

const path = `/v1/jobs/${job.id}/recipients`

function put({ server }: Harness, headers: Record<string, string> = {}) {
  const authorization = `Bearer ${accountKey}`
  return httpRequest(server.url + path, { method: 'PUT', headers: { authorization, ...headers } })
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response) text += chunk
  return text
}

t.test('an upload passes through as it comes, whatever content type a client calls it', async (t) => {
  const harness = await startHttp(t)
  const chunk = Buffer.alloc(1 << 20, 'x')
  const types = [
    undefined,
    'text/csv',
    'text/csv; charset=utf-8',
    'application/csv',
    'application/octet-stream',
    'text/plain',
  ]
  for (const type of types) {
    harness.engine.uploaded = 0
    const request = put(harness, type === undefined ? {} : { 'content-type': type })
    for (let sent = 0; sent < 8; sent++) if (!request.write(chunk)) await once(request, 'drain')
    request.end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    t.equal(response.statusCode, 202, `${type}`)
    t.match(JSON.parse(await bodyOf(response)), { id: job.id, state: 'running', counts: job.counts })
    t.equal(harness.engine.uploaded, 8 << 20)
  }
})

t.test('an engine that does not read holds the client back instead of filling memory', async (t) => {
  const harness = await startHttp(t)
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  harness.engine.onUpload = async (body) => {
    await held
    for await (const chunk of body) harness.engine.uploaded += chunk.length
  }
  const request = put(harness)
  const total = 64 << 20
  request.write(Buffer.alloc(total))
  request.end()
  await once(request, 'socket')
  const socket = request.socket!
  if (socket.connecting) await once(socket, 'connect')
  // Progress of the kernel is the event: when a whole round brings no more bytes, both buffers are full.
  let before = -1
  while (socket.bytesWritten !== before || before <= 0) {
    before = socket.bytesWritten
    await harness.call('GET', '/healthz')
  }
  t.ok(socket.writableLength > total / 2, `${socket.writableLength} bytes still wait at the client`)
  release()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  t.equal(response.statusCode, 202)
  t.equal(harness.engine.uploaded, total)
  await bodyOf(response)
})

t.test('an upload that is refused in the middle still gets its problem', async (t) => {
  const harness = await startHttp(t)
  harness.engine.onUpload = async (body) => {
    for await (const _ of body) throw new EngineError('FILE_NOT_CSV', 'it looks like a spreadsheet')
  }
  const request = put(harness)
  request.write(Buffer.alloc(4 << 20))
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  t.equal(response.statusCode, 422)
  t.match(JSON.parse(await bodyOf(response)), { code: 'FILE_NOT_CSV' })
  request.end(Buffer.alloc(1 << 20))
  await once(request, 'finish')
  request.destroy()
})

t.test('an upload that breaks off reaches the engine as an error', async (t) => {
  const harness = await startHttp(t)
  const request = put(harness, { 'content-length': '1000000' })
  request.on('error', () => {})
  const failed = new Promise<unknown>((resolve) => {
    harness.engine.onUpload = async (body) => {
      try {
        for await (const _ of body) request.destroy()
        resolve(null)
      } catch (error) {
        resolve(error)
        throw error
      }
    }
  })
  request.write('to,name\n')
  t.match(await failed, { code: 'BAD_REQUEST', cause: { code: 'ECONNRESET' } })
})

t.test('a form of settings and file makes a job in one call', async (t) => {
  const { call, engine, server } = await startHttp(t)
  const settings = { text: 'Hi ~name~', columns: { to: 'mobile' } }
  const form = (jobPart: string | Blob, file?: Blob) => {
    const parts = new FormData()
    parts.append('job', jobPart)
    if (file !== undefined) parts.append('file', file, 'rows.csv')
    return parts
  }
  const post = async (body: FormData, headers: Record<string, string> = {}) => {
    const authorization = `Bearer ${accountKey}`
    const response = await fetch(`${server.url}/v1/jobs`, {
      method: 'POST',
      headers: { authorization, ...headers },
      body,
    })
    return { status: response.status, json: await response.json(), replay: response.headers.get('idempotent-replay') }
  }
  const file = new Blob(['mobile,name\n', 'x'.repeat(3 << 20)], { type: 'text/csv' })
  for (const part of [JSON.stringify(settings), new Blob([JSON.stringify(settings)], { type: 'application/json' })]) {
    engine.uploaded = 0
    t.match(await post(form(part, file)), { status: 202, json: { id: job.id, state: 'running' } })
    t.equal(engine.uploaded, file.size)
    t.same(engine.calls.find(({ verb }) => verb === 'createJob')!.arguments.slice(1), [settings, null])
  }
  const key = { 'idempotency-key': 'form-1' }
  t.match(await post(form(JSON.stringify(settings), file), key), { status: 202, replay: null })
  const jobs = engine.calls.length
  t.match(await post(form(JSON.stringify(settings), file), key), { status: 202, replay: 'true' })
  t.equal(engine.calls.length, jobs, 'a replay makes nothing')
  Object.assign(engine.replays.get('form-1')!, { value: { ...job, state: 'receiving' } })
  engine.uploaded = 0
  t.match(await post(form(JSON.stringify(settings), file), key), { status: 202, json: { state: 'running' } })
  t.equal(engine.uploaded, file.size, 'a job that lost its file in a crash gets it again')

  const wrong = await post(form('{"txt":1}', file))
  t.match(wrong, { status: 422, json: { errors: [{ pointer: '/txt' }] } })
  t.match(await post(form('{', file)), { status: 400, json: { code: 'BAD_REQUEST' } })
  t.match(await post(form('{}')), { status: 422, json: { errors: [{ pointer: '/file' }] } })
  const swapped = new FormData()
  swapped.append('file', file, 'rows.csv')
  t.match(await post(swapped), { status: 422, json: { errors: [{ pointer: '/job' }] } })
  const broken = { body: '--b\r\nno end', headers: { 'content-type': 'multipart/form-data; boundary=b' } }
  t.match(await call('POST', '/v1/jobs', broken), { status: 400, json: { code: 'BAD_REQUEST' } })
  broken.headers['content-type'] = 'multipart/form-data'
  t.match(await call('POST', '/v1/jobs', broken), { status: 400, json: { code: 'BAD_REQUEST' } })
  engine.onUpload = async (body) => {
    for await (const _ of body) throw new EngineError('FILE_NOT_CSV', 'no')
  }
  t.match(await post(form('{}', file)), { status: 422, json: { code: 'FILE_NOT_CSV' } })
  t.equal((await call('GET', '/healthz')).status, 200)
})

t.test('a report is made no faster than the client reads it, and stops when the client goes', async (t) => {
  const { engine, server } = await startHttp(t)
  let pieces = 0
  const stopped = new Promise<void>((resolve) => {
    engine.csv = async function* () {
      try {
        for (;;) {
          pieces += 1
          yield 'y'.repeat(64 * 1024)
        }
      } finally {
        resolve()
      }
    }
  })
  const headers = { authorization: `Bearer ${accountKey}` }
  const request = httpRequest(`${server.url}/v1/jobs/${job.id}/report.csv`, { headers }).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  t.equal(response.headers['content-type'], 'text/csv; charset=utf-8')
  t.equal(response.headers['content-disposition'], `attachment; filename="${job.id}-report.csv"`)
  let before = -1
  while (pieces !== before) {
    before = pieces
    await (await fetch(`${server.url}/healthz`)).text()
  }
  t.ok(pieces < 1000, `${pieces} pieces were made for a client that reads nothing`)
  response.destroy()
  await stopped
})

t.test('a download that we cannot finish breaks off, and the log says why', async (t) => {
  const { engine, log, server } = await startHttp(t)
  engine.rejects = async function* () {
    yield 'line,column\n'
    // The head and the first piece are on their way.
    await once(gate, 'sent')
    throw new EngineError('STORE_CORRUPT', 'the state of block 7 does not match its checksum')
  }
  const gate = new EventEmitter()
  log.error = (fields, text) =>
    log.lines.push(JSON.stringify({ text, ...fields, err: String((fields as { err: Error }).err) }))
  const headers = { authorization: `Bearer ${accountKey}` }
  const response = await fetch(`${server.url}/v1/jobs/${job.id}/rejects.csv`, { headers })
  t.equal(response.status, 200)
  gate.emit('sent')
  await t.rejects(response.text(), 'a client does not take it for a whole file')
  const line = log.lines.find((line) => line.includes('an answer broke off'))
  t.match(line, /STORE_CORRUPT/)
  t.match(line, /block 7/, 'names the record')
  t.match(line, response.headers.get('x-request-id') ?? 'none', 'and the request')
})

t.test('rejects come as CSV, or raw as the original bytes', async (t) => {
  const { call, engine, server } = await startHttp(t)
  t.match(await call('GET', `/v1/jobs/${job.id}/rejects.csv`), { status: 200, text: 'line,column\n1,2\n' })
  const headers = { authorization: `Bearer ${accountKey}` }
  const raw = await fetch(`${server.url}/v1/jobs/${job.id}/rejects.csv?raw=true`, { headers })
  t.same(Buffer.from(await raw.arrayBuffer()), Buffer.from([0xe9, 0x0a]))
  t.same(engine.calls.at(-1)!.arguments, [job.id, true])
})

t.test('a small body that never ends is cut off, a finished one is not', async (t) => {
  const deadlines = new BodyDeadlines()
  t.teardown(() => deadlines.close())
  const destroyed: string[] = []
  const request = (name: string) =>
    ({ destroyed: false, socket: { destroy: () => destroyed.push(name) } }) as unknown as IncomingMessage
  const slow = request('slow')
  const quick = request('quick')
  deadlines.started(slow)
  deadlines.started(quick)
  deadlines.sweep(29_999)
  deadlines.finished(quick)
  deadlines.sweep(30_000)
  t.same(destroyed, ['slow'])
  t.equal(deadlines.waiting, 0)
})

t.test('what is not HTTP gets a problem and a closed connection', async (t) => {
  const { server } = await startHttp(t)
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.end('\x16\x03\x01 hello\r\n\r\n')
  let text = ''
  for await (const chunk of socket) text += chunk
  t.match(text, /^HTTP\/1\.1 400 [\s\S]*application\/problem\+json[\s\S]*"code":"BAD_REQUEST"/)
})

t.test('stopping lets an upload end, and cuts off one that does not within shutdownSeconds', async (t) => {
  const harness = await startHttp(t, { yaml: 'http: { port: 0 }\nshutdownSeconds: 1' })
  const started = new Promise<void>((resolve) => {
    harness.engine.onUpload = async (body) => {
      for await (const _ of body) resolve()
    }
  })
  const request = put(harness)
  request.write('to\n')
  await started
  const broken = once(request, 'error')
  await harness.server.close()
  t.match((await broken)[0], { code: 'ECONNRESET' })
})
