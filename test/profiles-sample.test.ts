/** Over HTTP and the real engine: a profile from a sample file, and jobs with what it proposed. */
import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { JobView } from '../src/engine/contract/api.js'
import type { SampleView } from '../src/engine/contract/sample.js'
import { startHarness } from './engine-harness.js'
import { type Answer, send } from './http-engine.js'

const harness = await startHarness()
t.teardown(() => harness.stop())
const { engine, url, adminKey } = harness.server
const key = (await engine.createKey('acme')).key
await engine.createAccount('nowhere', {})
const nowhere = (await engine.createKey('nowhere')).key

interface Sampling {
  settings?: object
  query?: string
  key?: string
  headers?: Record<string, string>
  fileName?: string
}

/** As text/csv; with settings as a form. */
async function sample(name: string, file: string | Buffer, options: Sampling = {}): Promise<Answer> {
  const { settings, query = '', fileName } = options
  const headers: Record<string, string> = { authorization: `Bearer ${options.key ?? key}`, ...options.headers }
  const bytes = new Uint8Array(Buffer.from(file))
  let body: FormData | Uint8Array<ArrayBuffer> = bytes
  if (settings === undefined) headers['content-type'] ??= 'text/csv'
  else {
    body = new FormData()
    body.set('profile', JSON.stringify(settings))
    body.set('file', new Blob([bytes]), fileName ?? 'sample.csv')
  }
  const response = await fetch(`${url}/v1/profiles/${name}/sample${query}`, { method: 'POST', headers, body })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: text === '' ? null : JSON.parse(text) }
}

const codes = ({ doubts }: SampleView): string[] => doubts.map(({ code }) => code)

const german = [
  'Kundennummer;Vorname;Nachname;Tel. privat;Mobile;E-Mail;Termin;Versanddatum;Uhrzeit',
  '4711;Anna;Müller;030 901820;0171 2345678;anna@example.de;01.12.2098;30.11.2098;09:00',
  '4712;Jörg;Schmidt;;+49 151 23456789;;02.12.2098;30.11.2098;10:30',
  '4713;Ute;Klein;089 12345678;;ute@example.de;03.12.2098;;',
  '4714;Max;Groß;;0160 1234567;;04.12.2098;01.12.2098;8:00',
].join('\r\n')

t.test(
  'a German export is understood: several phones, names, a time in two columns, and what is open is told',
  async (t) => {
    const answer = await sample('praxis', german, {
      settings: { text: 'Hallo ~name~' },
      fileName: 'Termine_2026-11-22.csv',
    })
    t.equal(answer.status, 200, answer.text)
    const view = answer.json as SampleView
    t.same(view.settings, {
      text: 'Hallo ~name~',
      csv: { header: true },
      columns: {
        phones: ['Mobile', 'Tel. privat'],
        phonesMode: 'first',
        sendAt: 'Versanddatum',
        sendAtTime: 'Uhrzeit',
        sendAtFormat: 'DD.MM.YYYY',
        fields: { name: 'Vorname', firstName: 'Vorname', lastName: 'Nachname' },
      },
      filePattern: 'Termine_*.csv',
    })
    t.equal(view.saved, false)
    t.same(
      view.columns.map(({ role }) => role),
      [null, 'firstName', 'lastName', 'phone', 'phone', 'email', 'date', 'date', 'time'],
    )
    t.match(view.rows[1], {
      to: '+4915123456789',
      text: 'Hallo Jörg',
      sendAt: '2098-11-30T10:30:00.000Z',
      reason: null,
    })
    t.equal(view.counts.rows, 4)
    for (const code of ['SEVERAL_PHONES', 'DEFAULT_COUNTRY', 'TIME_ZONE', 'FILE_PATTERN'])
      t.ok(codes(view).includes(code), code)
    for (const doubt of view.doubts) t.ok(doubt.message.length > 10 && doubt.remedy.length > 10, doubt.code)
    t.equal((await send(`${url}/v1/profiles/praxis`, 'GET', { key })).status, 404, 'nothing is saved')
  },
)

t.test('without a country of the account it is guessed, and said', async (t) => {
  const { json } = await sample('praxis', german, { key: nowhere, settings: { text: 'Hallo ~name~' } })
  t.equal(json.settings.defaultCountry, 'DE')
  t.match(
    json.rows.map(({ to }: { to: string }) => to),
    ['+491712345678', '+4915123456789', '+498912345678', '+491601234567'],
  )
  t.same(json.rejectedByReason, { NO_ROUTE: 1 }, 'the landline')
  t.ok(codes(json).includes('LANDLINES'))
  t.ok(codes(json).includes('NO_ROUTE'), 'what would not be sent is a doubt')
})

t.test('what is proposed is saved when it is confirmed, by either way, and serves jobs', async (t) => {
  const saved = await sample('praxis', german, {
    settings: { text: 'Hallo ~name~', defaultCountry: 'DE', landlines: 'sms', review: true },
    query: '?save=true',
    fileName: 'Termine_1.csv',
  })
  t.match(saved, { status: 200, json: { saved: true } }, saved.text)
  t.same((await send(`${url}/v1/profiles/praxis`, 'GET', { key })).json.settings, saved.json.settings)
  t.equal(engine.profiles.match(harness.principal, 'termine_77.CSV'), 'praxis')

  const job = await fetch(`${url}/v1/jobs?profile=praxis`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'text/csv' },
    body: german,
  })
  const { id, counts } = (await job.json()) as JobView
  t.match(counts, { rows: 4, accepted: 4, rejected: 0 })
  const preview = (await send(`${url}/v1/jobs/${id}/preview`, 'GET', { key })).json
  t.same(preview.rows, saved.json.rows, 'the job does what the sample showed')

  const put = await send(`${url}/v1/profiles/copy`, 'PUT', { key, body: saved.json.settings })
  t.match(put, { status: 200 }, put.text)
})

t.test('a second sample keeps what the profile says of the text and guesses the file anew', async (t) => {
  const { json } = await sample('praxis', 'Handy,Name\n+4915123456789,Jo\n')
  t.same(json.settings, {
    text: 'Hallo ~name~',
    defaultCountry: 'DE',
    landlines: 'sms',
    review: true,
    filePattern: 'Termine_*.csv',
    csv: { header: true },
    columns: { to: 'Handy' },
  })
  t.ok(codes(json).includes('PROFILE_EXISTS'))
})

t.test('keywords pick the texts as people write them, and those without a template are told', async (t) => {
  await send(`${url}/v1/templates/welcome`, 'PUT', { key, body: { text: 'Welcome ~1~', keyword: '#001' } })
  const file = 'Ann,07400123456,#001\nBob,07400123457,001\nCy,07400123458,1\nDi,07400123459,#009\n'
  const { json, text } = await sample('words', file, { settings: { columns: { keyword: 3 } } })
  t.same(
    json.rows.map((row: { text: string; reason: string | null }) => row.reason ?? row.text),
    ['Welcome Ann', 'Welcome Bob', 'Welcome Cy', 'TEMPLATE_UNKNOWN'],
    text,
  )
  const guessed = await sample('words', file.replaceAll(/,0*1$/gm, ',#001'))
  t.match(guessed.json.settings, { csv: { header: false }, columns: { to: 2, keyword: 3 } }, guessed.text)
  t.ok(codes(guessed.json).includes('KEYWORD_UNKNOWN'))
  t.ok(codes(guessed.json).includes('NO_HEADER'))
})

t.test('a text or template may stand in the query; a packed file is unpacked', async (t) => {
  const file = gzipSync('mobile,name\n07400123456,Ann\n')
  const byText = await sample('q', file, { query: `?text=${encodeURIComponent('Hi ~name~')}&fileName=list-3.csv.gz` })
  t.match(
    byText.json,
    { rows: [{ text: 'Hi Ann' }], settings: { text: 'Hi ~name~', filePattern: 'list-*.csv' } },
    byText.text,
  )
  await send(`${url}/v1/templates/plain`, 'PUT', { key, body: { text: 'Dear ~name~' } })
  const byTemplate = await sample('q', file, { query: '?template=plain' })
  t.match(byTemplate.json, { rows: [{ text: 'Dear Ann' }], settings: { template: 'plain' } }, byTemplate.text)
  t.notOk('text' in byTemplate.json.settings, 'the template stays one')
})

t.test(
  'settings of rows work end to end: landlines, half times, times that are over, contacts, conversation lock',
  async (t) => {
    const settings = {
      ...{ text: 'Hallo ~name~', defaultCountry: 'DE', conversationLock: 3_600, landlines: 'reject' },
      columns: {
        ...{
          phones: ['Tel. privat', 'Mobile'],
          sendAt: 'Versanddatum',
          sendAtTime: 'Uhrzeit',
          sendAtFormat: 'DD.MM.YYYY',
        },
        ...{
          sendAtPast: 'reject',
          fields: { name: 'Vorname' },
          saveToContact: { family: 'Nachname', email: 'E-Mail' },
        },
      },
    }
    const rows = `${german}\r\n4715;Eva;Past;;0160 1234568;;;01.12.2020;08:00\r\n4716;Jan;Half;;0160 1234569;;;01.12.2098;`
    const form = new FormData()
    form.set('job', JSON.stringify({ ...settings, review: true }))
    form.set('file', new Blob([rows]), 'rows.csv')
    const made = await fetch(`${url}/v1/jobs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: form,
    })
    const job = (await made.json()) as JobView
    t.match(job.counts, { rows: 6, accepted: 3, rejected: 3, scheduled: 3 }, JSON.stringify(job))
    t.same(job.rejectedByReason, { LINE_TYPE_REFUSED: 1, TIME_PAST: 1, TIME_INCOMPLETE: 1 })
    const { rows: shown } = (await send(`${url}/v1/jobs/${job.id}/preview`, 'GET', { key })).json
    t.match(
      shown[0],
      { to: '+491712345678', sendAt: '2098-11-30T09:00:00.000Z' },
      'the mobile, since landlines are not wanted',
    )
    t.match(shown[2], { reason: 'LINE_TYPE_REFUSED' })
    t.match(shown[4], { reason: 'TIME_PAST', detail: /is over/ })

    // The contacts are kept in the background.
    let contact = await send(`${url}/v1/contacts/+491712345678`, 'GET', { key })
    while (contact.status === 404) contact = await send(`${url}/v1/contacts/+491712345678`, 'GET', { key })
    t.match(contact.json, { email: 'anna@example.de', attributes: { family: 'Müller' } }, 'with the mobile')
  },
)

t.test('inline recipients take a profile whose labels they have', async (t) => {
  await send(`${url}/v1/profiles/inline`, 'PUT', {
    key,
    body: {
      text: 'Hi ~name~',
      columns: { to: 'Mobile', fields: { name: 'Vorname' } },
      filePattern: ['inline-*.csv', 'x?.csv'],
    },
  })
  const body = { profile: 'inline', review: true, recipients: [{ Mobile: '07400123456', Vorname: 'Ann' }] }
  const { json, text } = await send(`${url}/v1/jobs`, 'POST', { key, body })
  t.match(json.counts, { accepted: 1 }, text)
  t.notOk('filePattern' in json.settings, 'which is no setting of a job')
  const wrong = await send(`${url}/v1/profiles/inline`, 'PUT', {
    key,
    body: { text: 'x', filePattern: ['ok.csv', 'a/b'] },
  })
  t.match(wrong, { status: 422, json: { errors: [{ pointer: '/filePattern/1' }] } }, wrong.text)
  const late = await send(`${url}/v1/profiles/inline`, 'PUT', {
    key,
    body: { text: 'x', columns: { sendAtTime: 2, sendAtTimeOfDay: '25:00' } },
  })
  t.same(
    late.json.errors.map(({ pointer }: { pointer: string }) => pointer),
    ['/columns/sendAtTime', '/columns/sendAtTimeOfDay'],
  )
})

t.test('a column of addresses is the recipient where emails are asked for, and else a doubt', async (t) => {
  const asked = await sample('mails', german, {
    settings: { channel: 'email', subject: 'Termin', text: 'Hallo ~name~' },
  })
  t.match(asked.json.settings, { columns: { email: 'E-Mail' } }, asked.text)
  t.notOk('phones' in asked.json.settings.columns)
  t.match(asked.json.rows[0], { to: 'anna@example.de', channel: 'email' })
  const both = await sample('mails', german, { settings: { subject: 'Termin', text: 'Hallo ~name~' } })
  t.match(both.json.settings.columns, { email: 'E-Mail', phones: ['Mobile', 'Tel. privat'] })
  const other = await sample('mails', german, { settings: { text: 'Hallo ~name~' } })
  t.ok(codes(other.json).includes('EMAIL_NOT_USED'))
})

t.test('what cannot be a profile is refused with its reason and saves nothing', async (t) => {
  const cases: [string | Buffer, Sampling, number, string][] = [
    ['', {}, 422, 'FILE_EMPTY'],
    ['name,town\nAnn,Hull\n', {}, 422, 'RECIPIENT_COLUMN_MISSING'],
    ['%PDF-1.4 x', {}, 422, 'FILE_NOT_CSV'],
    ['mobile,mobile\n07400123456,1\n', {}, 422, 'COLUMN_UNKNOWN'],
    ['mobile\n07400123456\n', { query: '?text=Hi%20~nme~' }, 422, 'TEMPLATE_LABEL_UNKNOWN'],
    ['mobile\n07400123456\n', { query: '?template=none' }, 422, 'VALIDATION'],
    ['mobile\n07400123456\n', { settings: { txt: 'x' } }, 422, 'VALIDATION'],
    ['mobile\n07400123456\n', { settings: { columns: { to: 'nix' } } }, 422, 'COLUMN_UNKNOWN'],
    [Buffer.alloc((4 << 20) + 1, 'a,b\n'), {}, 413, 'TOO_LARGE'],
    ['{}', { headers: { 'content-type': 'application/json' } }, 415, 'UNSUPPORTED_MEDIA'],
    ['mobile\n07400123456\n', { key: adminKey }, 403, 'FORBIDDEN'],
  ]
  for (const [file, options, status, code] of cases) {
    const answer = await sample('bad', file, { ...options, query: `${options.query ?? '?'}&save=true` })
    t.match(answer, { status, json: { code } }, `${code}: ${answer.text}`)
  }
  t.equal((await send(`${url}/v1/profiles/bad`, 'GET', { key })).status, 404)
})

t.test('an Idempotency-Key stands for the file as well', async (t) => {
  const headers = { 'idempotency-key': 'sample-1' }
  const file = 'mobile\n07400123456\n'
  const first = await sample('idem', file, { headers })
  const again = await sample('idem', file, { headers })
  t.equal(again.headers.get('idempotent-replay'), 'true')
  t.equal(again.text, first.text)
  t.match(await sample('idem', `${file}07400123457\n`, { headers }), {
    status: 422,
    json: { code: 'IDEMPOTENCY_MISMATCH' },
  })
})
