/** Texts and octets from the outside: what HTTP answers, and what a carrier that is not ours (npm smpp) gets. */
import t, { type Test } from 'tap'
import { LANGUAGES } from '../src/engine/contract/language.js'
import { type NpmPdu, numberOf, startEngine, startPeer } from './peer-support.js'

const ALL = LANGUAGES.slice(1)
const CARRIERS = [{}, { longMessages: 'udh16', nationalLanguages: ALL }, { defaultAlphabet: 'latin1' }]
const FAMILY = '👨‍👩‍👧‍👦'
const fit = (text: string, units: number): string => text.repeat(Math.ceil(units / text.length)).slice(0, units)
const HINDI = 'नमस्ते, आपका पार्सल आज दस बजे पहुंचेगा. '

/** Text, and parts at each carrier; 'ucs2' in place of gsm7 or latin1 by the letter u. */
const TEXTS: [says: string, text: string, expected: string][] = [
  ['an escape sequence at the border', `${'x'.repeat(152)}€${'y'.repeat(30)}`, 'g2 g2 u3'],
  ['nothing but extension', '^{}\\[~]|€'.repeat(17), 'g3 g2 u3'],
  ['a family at the border', `${'ж'.repeat(60)}${FAMILY}${'ж'.repeat(20)}`, 'u2 u2 u2'],
  ['a flag at the border', `${'ж'.repeat(65)}🇬🇧🇬🇧${'ж'.repeat(20)}`, 'u2 u2 u2'],
  ['32 parts', 'z'.repeat(152 * 32), 'g32 g32 -TOO_LONG'],
  ['Turkish', fit('Sayın müşterimiz, siparişiniz bugün ulaşacaktır. ', 150), 'u3 g1 u3'],
  ['Hindi', fit(HINDI, 2000), 'u30 g14 u30'],
  ['a byte order mark inside', 'a\ufeffb', 'u1 u1 u1'],
  ['from right to left with marks', 'مرحبا \u200fموعدك\u200e غدا 10:30', 'u1 u1 u1'],
  ['marks of their own', 'e\u0301a\u0308', 'u1 u1 u1'],
  ['a space that does not break', 'a\u00a0b', 'u1 u1 l1'],
  ['line ends and tabs', 'a\r\nb\tc', 'u1 u1 l1'],
  ['@ at the ends', '@@a@@', 'g1 g1 l1'],
  ['only a joiner between letters', 'a\u200db', 'u1 u1 u1'],
  ['white space of every kind', ' \u00a0\u2003\u3000\ufeff\u200b', '-EMPTY_TEXT -EMPTY_TEXT -EMPTY_TEXT'],
  ['half a pair', 'a\ud83d', '-BODY_INVALID -BODY_INVALID -BODY_INVALID'],
  ['two halves the wrong way', 'a\ude00\ud83d', '-BODY_INVALID -BODY_INVALID -BODY_INVALID'],
  ['a NUL', 'a\0b', '-BODY_INVALID -BODY_INVALID -BODY_INVALID'],
  ['an escape', 'a\u001bb', '-BODY_INVALID -BODY_INVALID -BODY_INVALID'],
]

const OCTETS = Buffer.from(Array.from({ length: 300 }, (_, n) => n & 255)).toString('hex')
const PORTS = '05040b8423f0'
const FORMS: [carrier: object, coding: number, parts: number, most: number][] = [
  [{}, 4, 3, 128],
  [{ longMessages: 'udh16', binaryDataCoding: 2 }, 2, 3, 127],
  [{ longMessages: 'sar', binaryDataCoding: 0xf5 }, 0xf5, 3, 127],
  [{ longMessages: 'payload', defaultAlphabet: 'latin1' }, 4, 1, 300],
]

/** What of the answers is looked at by name. */
interface Json {
  id: string
  state: string
  code: string
  texts: string[]
  transliteration: object
  rows: { text: string; reason: string }[]
  errors: { pointer: string }[]
}
interface Client {
  get(path: string): Promise<{ status: number; json: Json }>
  post(path: string, body: object): Promise<{ status: number; json: Json }>
  seen: NpmPdu[]
}

/** An engine with a route for each carrier, a peer that takes everything, and a client of the API. */
async function start(t: Test, carriers: object[]): Promise<Client> {
  const seen: NpmPdu[] = []
  const port = await startPeer(t, (session) => {
    session.on('submit_sm', (pdu) => {
      seen.push(pdu)
      session.send(pdu.response({ message_id: `id${seen.length}` }))
    })
  })
  const routes = carriers.map((_, index) => ({ prefix: `4477100${index}`, carriers: [`c${index}`] }))
  const named = carriers.map((carrier, index) => ({ id: `c${index}`, port, ...carrier }))
  const { server } = await startEngine(t, named, routes)
  const { key } = await server.engine.createAccount('outside', { defaultCountry: 'GB' })
  const call = async (path: string, body?: object) => {
    const headers = { authorization: `Bearer ${key}`, ...(body ? { 'content-type': 'application/json' } : {}) }
    const request = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers }
    const reply = await fetch(`${server.url}${path}`, request)
    return { status: reply.status, json: (await reply.json()) as Json }
  }
  return { get: (path) => call(path), post: call, seen }
}

/** The message once the carrier took it; each question is a round trip. */
async function untilSent({ get }: Client, id: string): Promise<Json> {
  const end = performance.now() + 60_000
  for (;;) {
    const { json } = await get(`/v1/messages/${id}`)
    if (json.state === 'sent' || performance.now() > end) return json
  }
}

const client = await start(t, [...CARRIERS, ...FORMS.map(([carrier]) => carrier)])
const { post, get } = client

t.test('explain, the dry run, the answer and the stored message agree on every text, or refuse it alike', async (t) => {
  for (const [index] of CARRIERS.entries()) {
    for (const [says, text, expected] of TEXTS) {
      const [, kind, parts, code] = /^(?:([gul])(\d+)|-(\w+))$/.exec(expected.split(' ')[index]!)!.map((x) => x ?? '')
      const message = { to: numberOf(index, 1), from: 'TEXT', text, maxParts: 32 }
      const answer = await post('/v1/messages', message)
      const dry = await post('/v1/messages', { ...message, dryRun: true })
      const query = new URLSearchParams({ to: message.to, text, maxParts: '32' })
      const explained = await get(`/v1/explain?${query}`)
      if (code !== '') {
        t.match(answer, { status: 422, json: { code } }, says)
        t.equal(dry.json.rows[0]!.reason, code)
        // A URL has no half pairs: they come as U+FFFD, which is a character.
        if (!/\p{Surrogate}/u.test(text)) t.match(explained.json, { problems: [{ code }], texts: [] })
        continue
      }
      const encoding = { g: 'gsm7', u: 'ucs2', l: 'latin1' }[kind!]
      t.match(answer, { status: 202, json: { encoding, parts: Number(parts) } }, `${says} by carrier ${index}`)
      t.match(dry.json.rows[0], { text, encoding, parts: Number(parts) })
      t.match(explained.json, { text, encoding, parts: Number(parts), problems: [] })
      t.equal(explained.json.texts.join(''), text)
      t.match((await get(`/v1/messages/${answer.json.id}`)).json, { text, encoding, parts: Number(parts) })
    }
  }
})

t.test('the dry run shows the text that is sent', async (t) => {
  const message = { to: numberOf(2, 1), from: 'TEXT', text: '“½ ñ”', transliterate: true, dryRun: true }
  t.equal((await post('/v1/messages', message)).json.rows[0]!.text, '"½ ñ"', 'Latin-1 has the half')
  const query = new URLSearchParams({ to: message.to, text: message.text })
  t.match(
    (await get(`/v1/explain?${query}`)).json.transliteration,
    { text: '"½ ñ"', parts: 1 },
    'explain offers the same',
  )
})

function seenBy({ seen }: Client, to: string): NpmPdu[] {
  return seen.filter((pdu) => `+${pdu.destination_addr}` === to)
}
function octetsOf({ short_message, message_payload }: NpmPdu): Buffer {
  return Buffer.from((message_payload?.message ?? short_message.message) as Buffer)
}
function elementsOf({ short_message, message_payload }: NpmPdu): string[] {
  return (short_message.udh ?? message_payload?.udh ?? []).map((element) => element.toString('hex'))
}

t.test('8-bit data goes out as it is, with the header that it brings, by every way of joining parts', async (t) => {
  for (const [index, [, coding, parts, most]] of FORMS.entries()) {
    const message = { to: numberOf(CARRIERS.length + index, 1), from: 'WAP', data: OCTETS, udh: `06${PORTS}` }
    const answer = await post('/v1/messages', message)
    t.match(answer, { status: 202, json: { encoding: 'binary', parts } })
    const stored = await untilSent(client, answer.json.id)
    t.match(stored, { state: 'sent', text: '', data: OCTETS, encoding: 'binary', parts })
    const pdus = seenBy(client, message.to)
    t.equal(pdus.length, parts)
    const octets = pdus.map(octetsOf)
    t.equal(Buffer.concat(octets).toString('hex'), OCTETS)
    t.ok(octets.every(({ length }) => length <= most) && octets[0]!.length === most, `${octets.map((o) => o.length)}`)
    for (const pdu of pdus) {
      t.equal(pdu.data_coding, coding)
      t.equal(pdu.esm_class, 0x40)
      t.ok(elementsOf(pdu).includes(PORTS), 'the header stands in every part')
    }
    const dry = await post('/v1/messages', { ...message, dryRun: true })
    t.match(dry.json, { rows: [{ encoding: 'binary', parts, text: '' }], counts: { parts } })
    const short = { to: numberOf(CARRIERS.length + index, 2), from: 'WAP', data: '00ff80' }
    const { json } = await post('/v1/messages', short)
    await untilSent(client, json.id)
    const [pdu, ...more] = seenBy(client, short.to)
    t.match(pdu, { data_coding: coding, esm_class: 0 })
    t.equal(octetsOf(pdu!).toString('hex'), '00ff80')
    t.equal(more.length, 0)
  }
})

t.test('what cannot go out as data is refused by name', async (t) => {
  const message = { to: numberOf(0, 1), from: 'WAP' }
  const wrong = async (body: object) => {
    const { status, json } = await post('/v1/messages', { ...message, ...body })
    return `${status} ${json.code} ${json.errors?.[0]?.pointer}`
  }
  t.equal(await wrong({}), '422 VALIDATION /text')
  t.equal(await wrong({ text: 'a', data: '00' }), '422 VALIDATION /data')
  t.equal(await wrong({ data: '' }), '422 VALIDATION /data')
  t.equal(await wrong({ data: '0' }), '422 VALIDATION /data')
  t.equal(await wrong({ data: 'xx' }), '422 VALIDATION /data')
  t.equal(await wrong({ text: 'a', udh: '03240101' }), '422 VALIDATION /udh')
  const headers = ['05', '0205', '0305ff00', '050003010201', '06080400010201', `${'41'}${'00'.repeat(65)}`]
  for (const udh of headers) t.equal(await wrong({ data: '00', udh }), '422 VALIDATION /udh', udh)
  t.equal(await wrong({ data: '00'.repeat(1341) }), '422 TOO_LONG /text')
  const batch = await post('/v1/messages', { messages: [{ ...message, text: 'a' }, message] })
  t.match(batch, { status: 422, json: { code: 'VALIDATION', errors: [{ pointer: '/messages/1/text' }] } })
})
