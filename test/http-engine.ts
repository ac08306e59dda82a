/** What the HTTP tests stand on: a façade that remembers its calls, with no store behind it, and the real server. */
import type { Test } from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import type {
  AccountView,
  DryRunView,
  EngineApi,
  JobPreview,
  JobView,
  MessageAccepted,
  MessageRequest,
  MessageView,
  Page,
  Principal,
} from '../src/engine/contract/api.js'
import type { KeyView } from '../src/engine/contract/api-key.js'
import type { CarrierView } from '../src/engine/contract/channel.js'
import type { Clock } from '../src/engine/contract/clock.js'
import { EngineError } from '../src/engine/contract/errors.js'
import type { ExplainView } from '../src/engine/contract/explain.js'
import type { InboundApi, InboundView } from '../src/engine/contract/inbound.js'
import type { PreviewRow } from '../src/engine/contract/ingest.js'
import { noCounts } from '../src/engine/contract/job.js'
import type { Log } from '../src/engine/contract/log.js'
import type { AccountMoney } from '../src/engine/contract/money.js'
import { DEFAULT_NUMBER_RULES } from '../src/engine/contract/number-rules.js'
import { DEFAULT_OPT_OUT } from '../src/engine/contract/opt-out.js'
import { NO_RUNS } from '../src/engine/contract/recurrence.js'
import { DEFAULT_VOICE } from '../src/engine/contract/speech.js'
import type { TraceBatch } from '../src/engine/contract/trace.js'
import type { MessageExplainView } from '../src/engine/contract/waits.js'
import { createServer, type Server } from '../src/http/server.js'

export const adminKey = 'admin-key-of-the-test'
export const accountKey = 'account-key-of-the-test'

export const apiKey: KeyView = {
  id: 'k1',
  name: 'shop',
  prefix: 'sk_live_k1_',
  scopes: ['read', 'send'],
  cidrs: ['192.0.2.0/24'],
  createdAt: '2026-10-01T00:00:00.000Z',
  expiresAt: null,
  expired: false,
  lastUsedAt: null,
}

export const money: Omit<AccountMoney, 'currency'> = {
  balance: 12.5,
  reserved: 0.07,
  spent: 3.5,
  quotas: { messagesPerDay: 1_000, partsPerDay: null, spendPerDay: 50, prefixes: [] },
  today: {
    ...{ day: '2026-10-01', endsAt: '2026-10-01T23:00:00.000Z' },
    ...{ messages: 10, messagesLeft: 990, parts: 12, partsLeft: null, spend: 0.42, spendLeft: 49.58 },
    prefixes: [],
  },
}

export const account: AccountView = {
  id: 'acme',
  name: 'Acme',
  features: { sms: true, voice: false, email: false, drop: true },
  defaultCountry: null,
  timeZone: 'Europe/London',
  weight: 1.5,
  ratePerSecond: null,
  sendingHours: null,
  ...DEFAULT_NUMBER_RULES,
  prices: [{ channel: 'sms', prefix: '44', price: 0.035 }],
  currency: 'GBP',
  ...money,
  optOut: DEFAULT_OPT_OUT,
  voice: DEFAULT_VOICE,
  senders: ['ACME'],
  suspended: false,
  conversationLockSeconds: 3_600,
  requireOptIn: false,
  inbound: { numbers: ['80800'], keywords: [{ keyword: 'win', number: null, overridesLock: true }] },
  dropNotices: { email: ['office@acme.example'], on: ['done', 'failed'] },
  keys: [apiKey],
  createdAt: '2026-10-01T00:00:00.000Z',
}

export const job: JobView = {
  id: 'job_00000001',
  name: 'October',
  state: 'finished',
  reason: null,
  detail: null,
  settings: {
    name: 'October',
    text: 'Hi ~name~',
    columns: { to: 'mobile', phones: [2, 'work'], fields: { name: 1 } },
    csv: { delimiter: ';' },
    tags: ['a'],
    suppressed: ['+447700900001'],
  },
  retryOf: null,
  parent: null,
  run: null,
  ...NO_RUNS,
  counts: { ...noCounts(), records: 3, rows: 3, accepted: 2, rejected: 1, delivered: 2, parts: 3 },
  rejectedByReason: { INVALID_NUMBER: 1 },
  estimate: {
    currency: 'GBP',
    price: 0.105,
    partsWithoutPrice: 0,
    byCountry: { GB: { rows: 2, parts: 3, price: 0.105 } },
    byChannel: { sms: { rows: 2, parts: 3, price: 0.105 } },
    byEncoding: { gsm7: { rows: 1, parts: 1, price: 0.035 }, ucs2: { rows: 1, parts: 2, price: 0.07 } },
  },
  file: {
    bytes: 10,
    sha256: null,
    dialect: { delimiter: ';', guessed: ['header'] },
    columns: { labels: ['mobile'], fields: { mobile: 0 } },
    warnings: ['one'],
    findings: { NUMBER_REPAIRED: 1 },
  },
  progress: { rowsPerSecond: 1.5, messagesPerSecond: 2, estimatedEndAt: null },
  erased: null,
  createdAt: '2026-10-01T00:00:00.000Z',
  startedAt: '2026-10-01T00:00:01.000Z',
  finishedAt: null,
}

export const previewRow: PreviewRow = {
  row: 1,
  line: 2,
  to: '+447700900123',
  channel: 'sms',
  text: 'Hi Ann',
  encoding: 'gsm7',
  parts: 1,
  price: 0.035,
  carrier: 'acme',
  sendAt: null,
  reason: null,
  detail: null,
}

export const message: MessageView = {
  id: 'msg_00000000001',
  job: null,
  state: 'delivered',
  reason: null,
  to: '+447700900123',
  from: 'ACME',
  channel: 'sms',
  text: 'Hello',
  subject: null,
  prompts: null,
  language: null,
  html: null,
  data: null,
  erased: null,
  encoding: 'gsm7',
  parts: 1,
  price: 0.035,
  country: 'GB',
  line: null,
  clientReference: 'order 12',
  createdAt: '2026-10-01T00:00:00.000Z',
  history: [
    { at: '2026-10-01T00:00:01.000Z', event: 'submitted', carrier: 'acme', bind: 0, part: 1, carrierId: 'x9' },
    { at: '2026-10-01T00:00:02.000Z', event: 'failed', attempt: 1, status: 8, statusName: 'ESME_RSYSERR', error: 'e' },
  ],
}

export const inboundMessage: InboundView = {
  id: 'inb_0000000001',
  from: '+447700900123',
  to: '60099',
  text: 'STOP',
  encoding: 'gsm7',
  dataCoding: 0,
  messageClass: null,
  data: null,
  ports: null,
  parts: 1,
  complete: true,
  missing: [],
  lateFor: null,
  carrier: 'acme',
  bind: 0,
  receivedAt: '2026-10-01T00:00:03.000Z',
  firstPartAt: '2026-10-01T00:00:03.000Z',
  account: null,
  reason: 'UNROUTED',
  reply: null,
  keyword: 'stop',
  done: 'suppressed',
  answer: null,
  review: false,
  source: { ton: 1, npi: 1, address: '447700900123' },
  destination: { ton: 3, npi: 0, address: '60099' },
}

export const explanation: ExplainView = {
  to: '+447700900123',
  valid: true,
  country: 'GB',
  lineType: 'mobile',
  shortCode: false,
  refused: { code: 'PREFIX_DENIED', detail: 'no' },
  suppressed: false,
  from: 'ACME',
  channel: 'sms',
  encoding: 'ucs2',
  units: 71,
  unitsPerPart: 67,
  parts: 2,
  nationalTables: { locking: null, single: 'turkish' },
  offending: [{ char: '’', position: 12 }],
  offendingTotal: 1,
  offendingCost: { parts: 1, price: 0.035 },
  transliteration: { text: "it's", parts: 1, partsSaved: 1, price: 0.035 },
  text: 'it’s',
  texts: ['it’', 's'],
  why: 'so',
  route: { channel: 'sms', prefix: '44', account: null, carriers: ['acme'] },
  carriers: ['acme'],
  limits: [
    {
      carrier: 'acme',
      up: true,
      paused: false,
      ratePerSecond: 500,
      rateNowPerSecond: 250,
      window: 100,
      windowNow: 50,
      inFlight: 12,
    },
  ],
  rates: { job: null, account: null },
  sendingHours: null,
  currency: 'GBP',
  partPrice: 0.035,
  price: 0.07,
  problems: [{ code: 'PREFIX_DENIED', detail: 'no' }],
}

export const carrier: CarrierView = {
  id: 'acme',
  protocol: 'smpp',
  paused: false,
  ratePerSecond: 500,
  rateNowPerSecond: 250,
  actions: [{ at: '2026-10-01T00:00:00.000Z', action: 'throttled', reason: 'its answers ask for less', until: null }],
  binds: [{ index: 0, state: 'bound', inFlight: 12, window: 100, windowNow: 100, lastError: null }],
}

const { counts, rejectedByReason, estimate, file } = job
export const preview: JobPreview = { rows: [previewRow], counts, rejectedByReason, estimate, refusal: null, file }

/** A part of the façade that the tests of this stand never reach: every call is NOT_FOUND. */
export const absent = new Proxy({} as never, {
  get: () => () => {
    throw new EngineError('NOT_FOUND', 'not in this stand')
  },
})

/** Answers as the contract's examples do; a number that ends in 0 is refused. */
export class FakeEngine implements EngineApi {
  readonly audit = absent
  readonly backups = absent
  readonly erasures = absent
  readonly money = absent
  readonly suppressions = absent
  readonly templates = absent
  readonly webhooks = absent
  readonly contacts = absent
  readonly audience = absent
  readonly profiles = absent
  readonly samples = absent
  readonly drops = absent
  readonly dropCredentials = absent
  readonly retries = absent
  readonly drafts = absent
  readonly archive = absent
  readonly recordings = absent
  readonly speech = absent
  readonly rules = absent
  readonly events = absent
  readonly inbound: InboundApi = {
    list: (...given) => this.#called('inbound', given, { items: [inboundMessage], nextCursor: null }),
    get: (...given) => this.#called('inboundOne', given, inboundMessage),
  }
  readonly calls: { verb: string; arguments: unknown[] }[] = []
  readonly replays = new Map<string, { fingerprint: string; value: unknown }>()
  uploaded = 0
  ready = true
  /** Replaces what `upload` does with the body. */
  onUpload: (body: AsyncIterable<Buffer>) => Promise<void> = async (body) => {
    for await (const chunk of body) this.uploaded += chunk.length
  }
  csv: () => AsyncIterable<string> = async function* () {
    yield 'line,column\n'
    yield '1,2\n'
  }

  #called<T>(verb: string, values: unknown[], answer: T): T {
    this.calls.push({ verb, arguments: values })
    return answer
  }
  #job(id: string): JobView {
    if (id !== job.id) throw new EngineError('NOT_FOUND', `there is no job ${id}`)
    return job
  }

  authenticate(key: string): Principal | null {
    if (key === adminKey) return { kind: 'admin' }
    if (key.startsWith(accountKey)) return { kind: 'account', account: 'acme', key }
    return null
  }
  async createAccount(...given: Parameters<EngineApi['createAccount']>) {
    return this.#called('createAccount', given, { account: { ...account, id: given[0] }, key: 'sk_shown_once' })
  }
  accounts(): Page<AccountView> {
    return { items: [account], nextCursor: null }
  }
  account(id: string): AccountView {
    if (id !== account.id) throw new EngineError('NOT_FOUND', `there is no account ${id}`)
    return account
  }
  async patchAccount(...given: Parameters<EngineApi['patchAccount']>) {
    return this.#called('patchAccount', given, account)
  }
  async deleteAccount(id: string): Promise<void> {
    this.#called('deleteAccount', [id], null)
  }
  async createKey(id: string) {
    return this.#called('createKey', [id], { ...apiKey, id: 'k2', key: 'sk_shown_once' })
  }
  async deleteKey(...given: Parameters<EngineApi['deleteKey']>): Promise<void> {
    this.#called('deleteKey', given, null)
  }
  async createJob(...given: Parameters<EngineApi['createJob']>): Promise<JobView> {
    return this.#called('createJob', given, { ...job, state: 'receiving', settings: given[1] })
  }
  async upload(principal: Principal, id: string, body: AsyncIterable<Buffer>): Promise<JobView> {
    this.#called('upload', [principal, id], null)
    this.#job(id)
    await this.onUpload(body)
    return { ...job, state: 'running' }
  }
  jobs(...given: Parameters<EngineApi['jobs']>): Page<JobView> {
    return this.#called('jobs', given, { items: [job], nextCursor: 'next' })
  }
  job(_principal: Principal, id: string): JobView {
    return this.#job(id)
  }
  async patchJob(...given: Parameters<EngineApi['patchJob']>): Promise<JobView> {
    return this.#called('patchJob', given, this.#job(given[1]))
  }
  async startJob(_principal: Principal, id: string): Promise<JobView> {
    return this.#called('startJob', [id], this.#job(id))
  }
  async pauseJob(_principal: Principal, id: string): Promise<JobView> {
    return this.#called('pauseJob', [id], this.#job(id))
  }
  async resumeJob(_principal: Principal, id: string): Promise<JobView> {
    return this.#called('resumeJob', [id], this.#job(id))
  }
  async cancelJob(_principal: Principal, id: string): Promise<JobView> {
    return this.#called('cancelJob', [id], this.#job(id))
  }
  async preview(_principal: Principal, id: string): ReturnType<EngineApi['preview']> {
    this.#job(id)
    return preview
  }
  async *rejects(_principal: Principal, id: string, raw: boolean): AsyncIterable<string | Buffer> {
    this.#called('rejects', [id, raw], this.#job(id))
    if (raw) yield Buffer.from([0xe9, 0x0a])
    else yield* this.csv()
  }
  readonly notices: EngineApi['notices'] = { send: () => Promise.resolve('noRoute' as const) }

  readonly reports: EngineApi['reports'] = {
    job: (_principal, id) => this.#report(id),
    log: () => this.csv(),
    summary: async () => {
      throw new EngineError('NOT_FOUND', 'There is no such job.')
    },
  }
  async *#report(id: string): AsyncIterable<string> {
    this.#job(id)
    yield* this.csv()
  }
  async jobMessages(...given: Parameters<EngineApi['jobMessages']>): Promise<Page<MessageView>> {
    return this.#called('jobMessages', given, { items: [message], nextCursor: null })
  }
  async submit(principal: Principal, messages: MessageRequest[]): Promise<MessageAccepted[]> {
    return this.#called('submit', [principal, messages], messages.map(accept))
  }
  previewMessages(_principal: Principal, messages: MessageRequest[]): DryRunView {
    return { ...preview, rows: messages.map(({ to }, index) => ({ ...previewRow, row: index + 1, to })) }
  }
  async explain(...given: Parameters<EngineApi['explain']>): Promise<ExplainView> {
    return this.#called('explain', given, explanation)
  }
  async explainMessage(_principal: Principal, id: string): Promise<MessageExplainView> {
    const { state, reason } = await this.message(_principal, id)
    return { ...explanation, id, job: null, state, reason, isFinal: true, waits: [] }
  }
  async cancelMessage(_principal: Principal, id: string): Promise<MessageView> {
    return await this.message(_principal, id)
  }
  async message(_principal: Principal, id: string): Promise<MessageView> {
    if (id !== message.id) throw new EngineError('NOT_FOUND', `there is no message ${id}`)
    return message
  }
  async messages(...given: Parameters<EngineApi['messages']>): Promise<Page<MessageView>> {
    return this.#called('messages', given, { items: [message], nextCursor: null })
  }
  async idempotent<T>(_principal: Principal, key: string | undefined, fingerprint: string, work: () => Promise<T>) {
    const before = this.replays.get(key!)
    if (before !== undefined && before.fingerprint !== fingerprint) {
      throw new EngineError('IDEMPOTENCY_MISMATCH', 'another body')
    }
    if (before !== undefined) return { value: before.value as T, replayed: true }
    const value = await work()
    this.replays.set(key!, { fingerprint, value })
    return { value, replayed: false }
  }
  async carriers(): Promise<CarrierView[]> {
    return [carrier]
  }
  async patchCarrier(...given: Parameters<EngineApi['patchCarrier']>): Promise<CarrierView> {
    if (given[0] !== carrier.id) throw new EngineError('NOT_FOUND', `there is no carrier ${given[0]}`)
    return this.#called('patchCarrier', given, carrier)
  }
  async trace(...given: Parameters<EngineApi['trace']>): Promise<AsyncIterable<TraceBatch>> {
    if (given[0] !== carrier.id) throw new EngineError('NOT_FOUND', `there is no carrier ${given[0]}`)
    this.calls.push({ verb: 'trace', arguments: given.slice(0, 2) })
    return (async function* () {
      const pdu = { command: 'enquire_link', length: 16, status: 0, sequence: 1 }
      yield {
        pdus: [{ at: 0, protocol: 'smpp', bind: 0, connection: 1, direction: 'out', pdu, octets: null }],
        dropped: 2,
      }
    })()
  }
  readiness() {
    return { ready: this.ready, checks: [{ name: 'store', ok: this.ready, detail: 'open' }] }
  }
  async metrics() {
    return { contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'trunkline_rows_total 1\n' }
  }
}

function accept({ to }: MessageRequest): MessageAccepted {
  const answer: MessageAccepted = { id: message.id, state: 'queued', to, channel: 'sms', encoding: 'gsm7', parts: 1 }
  if (!to.endsWith('0')) return answer
  return { ...answer, id: null, state: 'rejected', parts: 0, reason: 'INVALID_NUMBER', detail: 'not a number' }
}

/** Log lines as they would be written. */
export class LinesLog implements Log {
  readonly lines: string[] = []
  debug(fields: object, text: string): void {
    this.lines.push(JSON.stringify({ text, ...fields }))
  }
  info(fields: object, text: string): void {
    this.debug(fields, text)
  }
  warn(fields: object, text: string): void {
    this.debug(fields, text)
  }
  error(fields: object, text: string): void {
    this.debug(fields, text)
  }
}

export interface Answer {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: an answer's shape is what the test asserts.
  json: any
}

export interface Harness {
  server: Server
  engine: FakeEngine
  log: LinesLog
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
}
export interface CallOptions {
  key?: string | null
  body?: unknown
  headers?: Record<string, string>
}

export interface HarnessOptions {
  yaml?: string
  clock?: Clock
  requestsPerSecond?: number
}

export async function startHttp(t: Test, options: HarnessOptions = {}): Promise<Harness> {
  const engine = new FakeEngine()
  const log = new LinesLog()
  const yaml = options.yaml ?? 'http: { port: 0 }'
  const config = parseConfig(yaml, { name: 'test', folder: process.cwd(), env: {} })
  const { requestsPerSecond, clock } = options
  if (requestsPerSecond !== undefined) config.http.limits.requestsPerSecondPerKey = requestsPerSecond
  const server = await createServer({ engine, config, log, ...(clock === undefined ? {} : { clock }) })
  t.teardown(() => server.close())
  return { server, engine, log, call: (method, path, call) => send(server.url + path, method, call) }
}

export async function send(url: string, method: string, { key, body, headers }: CallOptions = {}): Promise<Answer> {
  const sent: Record<string, string> = {}
  if (key !== null) sent.authorization = `Bearer ${key ?? accountKey}`
  const isRaw = body === undefined || typeof body === 'string' || body instanceof Uint8Array
  if (!isRaw) sent['content-type'] = 'application/json'
  const response = await fetch(url, {
    method,
    headers: { ...sent, ...headers },
    body: isRaw ? (body as string) : JSON.stringify(body),
  })
  const text = await response.text()
  const json = /[/+]json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined
  return { status: response.status, headers: response.headers, text, json }
}
