/**
 * Play lists: recordings, texts and pauses in the place of a text, with labels, by template, keyword, job, message, profile,
 * draft and rule. The whole engine over HTTP; nothing is due yet, so that nobody is called here.
 */
import t from 'tap'
import type { JobView, MessageView } from '../src/engine/contract/api.js'
import { writeWav } from '../src/sip/speech/wav-file.js'
import { type Customer, jobUntil, startWhole } from './whole-engine.js'

const LATER = '2099-01-01T09:00:00Z'
const LANDLINE = '+442071838750'
const SECOND = '+441314960123'
const THIRD = '+441614960123'
const MOBILE = '+447400123451'
const CLOSING = { text: 'To hear this message again, press 1. To get no more calls from us, press 9.' }

const whole = await startWhole(t, {
  yaml: (at) => `
carriers:
  - { id: sim, ${at('trunk')} }
  - { id: pbx, protocol: sip, host: 127.0.7.3, port: 9, optionsSeconds: 0, callerId: "+442071830000" }
`,
})
const office = await whole.account('office')
const { call } = office

/** A tenth of a second of a tone: `step` makes one sound unlike another. */
function tone(step: number): Buffer {
  return writeWav(Int16Array.from({ length: 800 }, (_, index) => Math.round(8_000 * Math.sin((index * step) / 8))))
}

async function record(name: string, step: number): Promise<string> {
  const headers = { 'content-type': 'audio/wav' }
  const { status, text, json } = await call('PUT', `/v1/recordings/${name}`, { body: tone(step), headers })
  if (status > 201) throw new Error(text)
  return json.sha256
}

const sounds = { jingle: await record('jingle', 1), leeds: await record('clinic-leeds', 2) }

async function upload({ call: ask }: Customer, settings: object, csv: string): Promise<JobView> {
  const made = await ask('POST', '/v1/jobs', { body: { sendAt: LATER, ...settings } })
  if (made.status !== 202) throw new Error(made.text)
  const headers = { 'content-type': 'text/csv' }
  const put = await ask('PUT', `/v1/jobs/${made.json.id}/recipients`, { body: csv, headers })
  if (put.status !== 202) throw new Error(put.text)
  return await jobUntil(ask, made.json.id, ({ state }) => state !== 'receiving')
}

async function calls(job: JobView): Promise<MessageView[]> {
  return (await call('GET', `/v1/jobs/${job.id}/messages?channel=voice&limit=100`)).json.items
}

async function template(name: string, body: object): Promise<void> {
  const { status, text } = await call('PUT', `/v1/templates/${name}`, { body })
  if (status > 201) throw new Error(text)
}

t.test('recordings, texts and pauses are played in order; names of recordings take labels too', async (t) => {
  const prompts = [
    { recording: 'jingle' },
    'Good morning ~name~.',
    { pauseMs: 700 },
    { recording: 'clinic-~city~' },
    { text: 'See you ~day|soon~.' },
  ]
  const csv = [
    'to,name,city,day',
    `${LANDLINE},Bo,leeds,on Monday`,
    `${SECOND},Di,paris,`,
    `${THIRD},,leeds,`,
    `${MOBILE},Ann,leeds,on Monday`,
  ].join('\n')
  const job = await upload(office, { text: 'Hi ~name|you~', prompts }, csv)
  t.match(job.counts, { accepted: 2, rejected: 2 })
  t.same(job.rejectedByReason, { RECORDING_UNKNOWN: 1, MISSING_FIELD: 1 })
  const [bo] = await calls(job)
  const played = [
    { recording: 'jingle' },
    { text: 'Good morning Bo.' },
    { pauseMs: 700 },
    { recording: 'clinic-leeds' },
    { text: 'See you on Monday.' },
    CLOSING,
  ]
  t.same(bo!.prompts, played)
  t.equal(bo!.text, `Good morning Bo. See you on Monday. ${CLOSING.text}`, 'what is spoken of it')
  const { rows } = (await call('GET', `/v1/jobs/${job.id}/preview`)).json
  t.same(rows[0].prompts, played)
  t.match(rows[1], { reason: 'RECORDING_UNKNOWN' })
  t.match(rows[2], { reason: 'MISSING_FIELD' })
  t.match(rows[3], { channel: 'sms', text: 'Hi Ann' })
  t.notOk('prompts' in rows[3])
})

t.test('what was accepted keeps its sound when the recording is replaced or deleted', async (t) => {
  await record('changing', 3)
  const job = await upload(office, { channel: 'voice', prompts: [{ recording: 'changing' }] }, `to\n${LANDLINE}\n`)
  t.same((await calls(job))[0]!.prompts![0], { recording: 'changing' })
  await record('changing', 4)
  const [replaced] = await calls(job)
  t.match(replaced!.prompts![0], { recording: /^sha256:[0-9a-f]{64}$/ })
  const before = (replaced!.prompts![0] as { recording: string }).recording
  await call('DELETE', '/v1/recordings/changing')
  t.same((await calls(job))[0]!.prompts![0], { recording: before })
  t.not(sounds.jingle, sounds.leeds)
})

t.test('keywords pick play lists and languages; a column may say the language of its row', async (t) => {
  await template('due', { keyword: '#001', text: 'Sie sind dran, ~name~.', language: 'de' })
  await template('jingle', { keyword: '#002', text: '', prompts: [{ recording: 'jingle' }] })
  const csv = [
    'to,name,code,lang',
    `${LANDLINE},Bo,#001,`,
    `${SECOND},Di,2,`,
    `${THIRD},Ed,,fr-FR`,
    '+441214960123,Flo,,Deutsch!',
    '+441184960123,Gus,#001,nl',
    '+441174960123,Hal,nix,',
    `${MOBILE},Ann,2,`,
  ].join('\n')
  const settings = { text: 'Hello ~name~.', columns: { keyword: 'code', language: 'lang' }, language: 'en' }
  const job = await upload(office, settings, csv)
  t.same(job.rejectedByReason, { LANGUAGE_INVALID: 1, TEMPLATE_UNKNOWN: 1, EMPTY_TEXT: 1 })
  const found = new Map((await calls(job)).map((message) => [message.to, message]))
  const said = (to: string): unknown[] => [found.get(to)?.language, ...(found.get(to)?.prompts ?? [])]
  t.match(said(LANDLINE), ['de', { text: 'Sie sind dran, Bo.' }, { text: /drücken Sie die 9/ }])
  t.match(said(SECOND), ['en', { recording: 'jingle' }, CLOSING])
  t.match(said(THIRD), ['fr-FR', { text: 'Hello Ed.' }, { text: /appuyez sur le 9/ }])
  t.match(said('+441184960123'), ['nl', { text: 'Sie sind dran, Gus.' }, { text: /drukt u op 1/ }])
})

t.test('what cannot be said is refused with its reason, in a file and one by one', async (t) => {
  const long = 'word '.repeat(401)
  const csv = `to,t\n${LANDLINE},${long}\n${SECOND},🎉 … !\n${THIRD},${'word '.repeat(399)}\n`
  const job = await upload(office, { columns: { text: 't' } }, csv)
  t.same(job.rejectedByReason, { TOO_LONG: 1, EMPTY_TEXT: 1 })
  t.equal(job.counts.accepted, 1, 'one call, however many parts an SMS of it would have')
  for (const [body, code] of [
    [{ text: long }, 'TOO_LONG'],
    [{ text: '🎉 … !' }, 'EMPTY_TEXT'],
    [{ prompts: [{ pauseMs: 100 }] }, 'EMPTY_TEXT'],
    [{ prompts: [{ recording: 'nobody' }] }, 'RECORDING_UNKNOWN'],
    [{ text: 'a\u0007b' }, 'BODY_INVALID'],
  ] as const) {
    const { status, json } = await call('POST', '/v1/messages', { body: { to: LANDLINE, sendAt: LATER, ...body } })
    t.match([status, json.code], [422, code])
  }
})

t.test('a message that is refused for a recording says which, and where it stands', async (t) => {
  const send = async (body: object) =>
    (await call('POST', '/v1/messages', { body: { to: LANDLINE, sendAt: LATER, ...body } })).json
  const prompts = [{ recording: 'jingle' }, { recording: 'visit-~city~' }]
  t.match(await send({ prompts, fields: { city: 'Rome' } }), {
    detail: 'The account has no recording "visit-Rome"; upload it first.',
    errors: [{ pointer: '/prompts' }],
  })
})

t.test('a single message plays its own list, or that of its template', async (t) => {
  await template('visit', {
    text: 'Visit: ~when~',
    prompts: [{ recording: 'jingle' }, 'Your visit is ~when~.'],
    language: 'en-GB',
  })
  const send = async (body: object): Promise<MessageView> => {
    const { status, json, text } = await call('POST', '/v1/messages', {
      body: { to: LANDLINE, sendAt: LATER, ...body },
    })
    if (status !== 202) throw new Error(text)
    t.match(json, { state: 'scheduled', channel: 'voice', encoding: 'speech', parts: 1 })
    return (await call('GET', `/v1/messages/${json.id}`)).json
  }
  const visit = await send({ template: 'visit', fields: { when: 'at noon' } })
  t.same(visit.prompts, [{ recording: 'jingle' }, { text: 'Your visit is at noon.' }, CLOSING])
  t.equal(visit.language, 'en-GB')
  const own = await send({ template: 'visit', fields: { when: 'at noon' }, prompts: ['Come ~when~!'], language: 'en' })
  t.match([own.prompts![0], own.language], [{ text: 'Come at noon!' }, 'en'])
  const final = await send({ prompts: ['It takes ~5 minutes, ~~ sic.'] })
  t.same(final.prompts![0], { text: 'It takes ~5 minutes, ~~ sic.' }, 'as it stands, like a text')
  t.same((await send({ prompts: ['At ~when~.'], fields: { when: 'ten' } })).prompts![0], { text: 'At ten.' })
  const asSms = await call('POST', '/v1/messages', {
    body: { to: MOBILE, sendAt: LATER, template: 'visit', fields: { when: 'at noon' } },
  })
  t.match(asSms.json, { channel: 'sms' })
  t.match((await call('GET', `/v1/messages/${asSms.json.id}`)).json, { text: 'Visit: at noon', prompts: null })
  const missing = await call('POST', '/v1/messages', { body: { to: LANDLINE, template: 'visit' } })
  t.match([missing.status, missing.json.code], [422, 'MISSING_FIELD'])
  const dry = await call('POST', '/v1/messages', {
    body: { to: LANDLINE, template: 'visit', fields: { when: 'now' }, dryRun: true },
  })
  t.match(dry.json.rows, [
    { channel: 'voice', encoding: 'speech', parts: 1, prompts: [{ recording: 'jingle' }], carrier: 'pbx' },
  ])
  t.match(dry.json.counts, { accepted: 1, parts: 1 })
})

t.test('wrong play lists are refused where they are given, each fault by its pointer', async (t) => {
  const wrong: [unknown, string][] = [
    [['x', { pauseMs: 10_001 }], '/prompts/1/pauseMs'],
    [[{ text: 'x', recording: 'y' }], '/prompts/0'],
    [[{}], '/prompts/0'],
    [[''], '/prompts/0'],
    [[{ sound: 'x' }], '/prompts/0'],
    [Array(51).fill('x'), '/prompts'],
  ]
  for (const [prompts, pointer] of wrong) {
    for (const [method, path, body] of [
      ['POST', '/v1/jobs', { channel: 'voice', prompts }],
      ['POST', '/v1/messages', { to: LANDLINE, text: 'x', prompts }],
      ['PUT', '/v1/templates/wrong', { text: 'x', prompts }],
      ['PUT', '/v1/profiles/wrong', { text: 'x', prompts }],
    ] as const) {
      const { status, json } = await call(method, path, { body })
      t.equal(status, 422, `${path} ${JSON.stringify(prompts).slice(0, 60)}`)
      t.ok(json.errors?.[0]?.pointer.startsWith(pointer), `${path} ${json.errors?.[0]?.pointer}`)
    }
  }
  const open = await call('PUT', '/v1/templates/wrong', { body: { text: 'x', prompts: ['a', 'Hi ~name'] } })
  t.match([open.status, open.json.code, open.json.errors[0].pointer], [422, 'TEMPLATE_INVALID', '/prompts/1'])
  const language = await call('POST', '/v1/jobs', { body: { text: 'x', language: 'en_GB' } })
  t.match([language.status, language.json.errors[0].pointer], [422, '/language'])
  const unknown = await upload(office, { text: 'x', prompts: ['Hi ~nome~.'] }, `to,name\n${LANDLINE},Bo\n`).catch(
    String,
  )
  t.match(unknown, 'nome', 'a label that no column has, before a row is read')
})

t.test('templates, profiles, drafts and copies keep their play lists', async (t) => {
  await template('plain', { text: 'Plain ~name|you~', prompts: ['Played ~name|you~'], language: 'en-GB' })
  t.match((await call('GET', '/v1/templates/plain')).json, { prompts: ['Played ~name|you~'], language: 'en-GB' })
  const csv = `to,name\n${LANDLINE},Bo\n`
  const first = async (job: JobView): Promise<unknown> => (await calls(job))[0]!.prompts![0]
  const put = await call('PUT', '/v1/profiles/spoken', {
    body: { template: 'plain', language: 'de', landlines: 'voice' },
  })
  t.ok(put.status < 300, put.text)
  const byProfile = await upload(office, { profile: 'spoken' }, csv)
  t.same(await first(byProfile), { text: 'Played Bo' })
  t.equal((await calls(byProfile))[0]!.language, 'de')
  t.same(await first(await upload(office, { profile: 'spoken', text: 'Own ~name~' }, csv)), { text: 'Own Bo' })
  const listed = await call('PUT', '/v1/profiles/listed', { body: { prompts: ['Listed'], channel: 'voice' } })
  t.ok(listed.status < 300, listed.text)
  t.same(await first(await upload(office, { profile: 'listed' }, csv)), { text: 'Listed' })
  t.same(await first(await upload(office, { profile: 'listed', text: 'Own' }, csv)), { text: 'Own' })
  const draft = await upload(office, { template: 'plain', review: true }, csv)
  const patched = await call('PATCH', `/v1/jobs/${draft.id}`, { body: { text: 'Changed' } })
  t.equal(patched.status, 200, patched.text)
  await jobUntil(call, draft.id, ({ state }) => state === 'ready')
  t.match((await call('GET', `/v1/jobs/${draft.id}/preview`)).json.rows[0].prompts, [{ text: 'Changed' }])
  const again = await call('PATCH', `/v1/jobs/${draft.id}`, { body: { prompts: ['New ~name~'], language: 'it' } })
  t.match(again.json.settings, { prompts: ['New ~name~'], language: 'it' })
  await jobUntil(call, draft.id, ({ state }) => state === 'ready')
  const [row] = (await call('GET', `/v1/jobs/${draft.id}/preview`)).json.rows
  t.match(row, { language: 'it', prompts: [{ text: 'New Bo' }, { text: /prema 9/ }] })
  const copied = await call('POST', `/v1/jobs/${byProfile.id}/copy`, { body: {} })
  t.match(copied.json.settings, { prompts: ['Played ~name|you~'], language: 'de' })
})

t.test('a rule of events calls, and a campaign calls the landline of a contact', async (t) => {
  await template('reminder', { text: 'SMS for ~name~', prompts: ['Call for ~name~'] })
  const rule = { event: 'visit', when: { before: '24h' }, send: [{ channel: 'voice', template: 'reminder' }] }
  t.ok((await call('PUT', '/v1/rules/day-before', { body: rule })).status < 300)
  const event = { type: 'visit', id: 'v1', at: '2099-05-05T10:00:00Z', to: LANDLINE, data: { name: 'Bo' } }
  const made = await call('POST', '/v1/events', { body: event })
  const [outcome] = made.json.messages
  t.match(outcome, { channel: 'voice', state: 'scheduled' })
  t.match((await call('GET', `/v1/messages/${outcome.message}`)).json, {
    ...{ channel: 'voice', to: LANDLINE, clientReference: 'v1' },
    prompts: [{ text: 'Call for Bo' }],
  })
  for (const [number, name] of [
    [LANDLINE, 'Bo'],
    [MOBILE, 'Ann'],
  ]) {
    const body = { tags: ['patients'], attributes: { name, tongue: 'de' } }
    await call('PUT', `/v1/contacts/${encodeURIComponent(number!)}`, { body })
  }
  const audience = { tag: 'patients' }
  const body = { template: 'reminder', audience, columns: { language: 'tongue' }, sendAt: LATER }
  const { json } = await call('POST', '/v1/jobs', { body })
  const job = await jobUntil(call, json.id, ({ counts }) => counts.accepted === 2)
  t.match(job.estimate, { byChannel: { sms: { rows: 1 }, voice: { rows: 1 } } })
  t.match(await calls(job), [{ to: LANDLINE, language: 'de', prompts: [{ text: 'Call for Bo' }] }])
})

t.test('a recurring job calls in each of its runs', async (t) => {
  const settings = { text: 'x', prompts: ['Again ~name~'], every: { hours: 1 }, sendAt: undefined, window: nightly() }
  const parent = await upload(office, settings, `to,name\n${LANDLINE},Bo\n`)
  const runs = async (): Promise<JobView[]> => (await call('GET', `/v1/jobs?parent=${parent.id}&limit=10`)).json.items
  await jobUntil(call, parent.id, (job) => (job as { runs?: number }).runs !== 0)
  const [run] = await runs()
  const made = await jobUntil(call, run!.id, ({ counts }) => counts.accepted === 1)
  t.match(await calls(made), [{ prompts: [{ text: 'Again Bo' }, CLOSING] }])
  await call('POST', `/v1/jobs/${parent.id}/cancel`)
})

/** Half an hour that is half a day away. */
function nightly(): object {
  const hour = String((new Date().getUTCHours() + 12) % 24).padStart(2, '0')
  return { from: `${hour}:00`, to: `${hour}:30`, timeZone: 'UTC' }
}
