/**
 * What an account says before and after its calls, what is said where it says nothing, and how explain tells of it.
 * The whole engine over HTTP; nothing is due yet, so that nobody is called here.
 */
import t from 'tap'
import type { MessageView } from '../src/engine/contract/api.js'
import { CLOSING_LANGUAGES, closingWords } from '../src/engine/text/closing-words.js'
import { packSpeech, unpackSpeech } from '../src/engine/text/speech-body.js'
import { type Customer, startWhole } from './whole-engine.js'

const LATER = '2099-01-01T09:00:00Z'
const LANDLINE = '+442071838750'
const nine = { callerIds: [], optOutDigit: '9', repeatDigit: '' }
const GERMAN = '+49301234567'

const whole = await startWhole(t, {
  yaml: (at) => `
carriers:
  - { id: sim, ${at('trunk')} }
  - { id: pbx, protocol: sip, host: 127.0.7.5, port: 9, optionsSeconds: 0, callerId: "+442071830000" }
  - { id: trunk, protocol: sip, host: 127.0.7.5, port: 9, optionsSeconds: 0, user: reception, optOutDigit: "*", repeatDigit: "" }
routes:
  - { channel: sms, carriers: [sim] }
  - { channel: voice, prefix: "44", carriers: [pbx] }
  - { channel: voice, prefix: "49", carriers: [trunk] }
speech: { language: en-GB }
`,
})
const office = await whole.account('office')

async function say({ call }: Customer, body: object): Promise<MessageView> {
  const { status, json, text } = await call('POST', '/v1/messages', {
    body: { to: LANDLINE, text: 'Hello.', channel: 'voice', sendAt: LATER, ...body },
  })
  if (status !== 202) throw new Error(text)
  return (await call('GET', `/v1/messages/${json.id}`)).json
}

async function change(voice: object): Promise<void> {
  const { status, text } = await whole.call('PATCH', '/v1/accounts/office', { body: { voice } })
  if (status !== 200) throw new Error(text)
}

t.test('each language of the opt-out words that is spoken has a closing with the digits of the carrier', (t) => {
  for (const language of ['en', 'de', 'fr', 'es', 'it', 'nl', 'pt']) t.ok(CLOSING_LANGUAGES.includes(language))
  for (const language of CLOSING_LANGUAGES) {
    const terms = { callerIds: [], optOutDigit: '7', repeatDigit: '3' }
    const both = closingWords(`${language.toUpperCase()}-x`, terms)
    t.match(both, /3.*7/, language)
    const one = closingWords(language, { ...terms, repeatDigit: '' })
    t.match(one, '7')
    t.notMatch(one, '3')
    t.equal(closingWords(language, { ...terms, optOutDigit: '', repeatDigit: '' }), '')
    t.notMatch(both, '#')
  }
  t.equal(closingWords('nn-NO', nine), closingWords('nb', nine))
  t.equal(closingWords('ja', nine), '', 'what would be spoken by a voice of another language is left out')
  t.equal(closingWords('constructor', nine), '')
  t.end()
})

t.test('a play list is stored and read back as it was, and one that is too large is not', (t) => {
  const items = [{ text: 'Grüße 🎉' }, { recording: 'ab'.repeat(32) }, { pauseMs: 10_000 }, { text: 'Press 9.' }]
  const bytes = packSpeech({ language: 'de-AT', items, closing: 1 })!
  const behind = Buffer.concat([Buffer.alloc(7), bytes, Buffer.alloc(3, 1)])
  t.same(unpackSpeech(behind, 7, 7 + bytes.length), { language: 'de-AT', items, closing: 1 })
  t.equal(packSpeech({ language: '', items: [{ text: 'x'.repeat(40_000) }] }), null)
  t.equal(packSpeech({ language: '', items: [{ text: 'x'.repeat(70_000) }] }), null)
  t.end()
})

t.test('without settings the digits of the carrier are offered, in the language of the message', async (t) => {
  const texts = async (body: object): Promise<unknown> => (await say(office, body)).prompts
  t.same(await texts({}), [
    { text: 'Hello.' },
    { text: 'To hear this message again, press 1. To get no more calls from us, press 9.' },
  ])
  t.same(await texts({ to: GERMAN, language: 'de' }), [
    { text: 'Hello.' },
    { text: 'Wenn Sie keine Anrufe mehr von uns wünschen, drücken Sie die Sterntaste.' },
  ])
  t.same(await texts({ unsubscribe: 'none' }), [{ text: 'Hello.' }], 'the message may do without')
  t.same(await texts({ unsubscribe: 'link' }), await texts({ unsubscribe: 'text' }), 'a call has no link')
  t.same(await texts({ language: 'ja' }), [{ text: 'Hello.' }])
})

t.test('greeting, closing and language of the account stand around every call', async (t) => {
  t.same((await whole.call('GET', '/v1/accounts/office')).json.voice, { language: null, greeting: null, closing: null })
  await change({ greeting: ['This is Clinic Smith.', { pauseMs: 400 }], language: 'fr' })
  t.match((await say(office, {})).prompts, [
    { text: 'This is Clinic Smith.' },
    { pauseMs: 400 },
    { text: 'Hello.' },
    { text: /appuyez sur le 9/ },
  ])
  t.equal((await say(office, {})).language, 'fr')
  t.equal((await say(office, { language: 'en' })).language, 'en')
  await change({ closing: ['Press nine for no more calls.'] })
  const whole4 = await say(office, { language: 'en' })
  t.same(whole4.prompts!.at(-1), { text: 'Press nine for no more calls.' })
  t.equal(whole4.text, 'This is Clinic Smith. Hello. Press nine for no more calls.')
  await change({ closing: [] })
  t.same((await say(office, {})).prompts!.at(-1), { text: 'Hello.' })
  t.same((await whole.call('GET', '/v1/accounts/office')).json.voice, {
    language: 'fr',
    greeting: ['This is Clinic Smith.', { pauseMs: 400 }],
    closing: [],
  })
  await whole.restart()
  t.match((await say(office, {})).prompts, [{ text: 'This is Clinic Smith.' }, { pauseMs: 400 }, { text: 'Hello.' }])
  await change({ greeting: null, closing: null, language: null })
  t.equal((await say(office, {})).prompts!.length, 2)
})

t.test('wrong settings of calls are refused by their pointers, and nothing changes', async (t) => {
  const wrong: [object, string][] = [
    [{ language: 'english!' }, '/voice/language'],
    [{ greeting: [{ pauseMs: -1 }] }, '/voice/greeting/0'],
    [{ closing: [{}] }, '/voice/closing/0'],
    [{ greeting: ['x'.repeat(1_001)] }, '/voice/greeting'],
    [{ greeting: ['Good day.', 'This is for ~name~.'] }, '/voice/greeting/1'],
    [{ closing: [{ recording: 'bye-~city~' }] }, '/voice/closing/0'],
    [{ other: 1 }, '/voice'],
  ]
  for (const [voice, pointer] of wrong) {
    const { status, json } = await whole.call('PATCH', '/v1/accounts/office', { body: { voice } })
    t.equal(status, 422)
    t.ok(json.errors[0].pointer.startsWith(pointer), `${pointer} ${JSON.stringify(json.errors)}`)
  }
  t.same((await whole.call('GET', '/v1/accounts/office')).json.voice, { language: null, greeting: null, closing: null })
})

t.test('explain tells of a landline what is said to it and what it costs, and of a message that waits', async (t) => {
  await whole.call('PATCH', '/v1/accounts/office', {
    body: { prices: [{ channel: 'voice', prefix: '44', price: 0.1 }], currency: 'GBP' },
  })
  const ask = (query: string) => office.call('GET', `/v1/explain?${query}`)
  const to = encodeURIComponent(LANDLINE)
  const { json } = await ask(`to=${to}&text=Hello.`)
  t.match(json, {
    ...{
      channel: 'voice',
      lineType: 'fixed',
      encoding: 'speech',
      parts: 1,
      price: 0.1,
      carriers: ['pbx'],
      problems: [],
    },
    text: 'Hello. To hear this message again, press 1. To get no more calls from us, press 9.',
  })
  t.match((await ask(`to=${to}&text=Hallo.&language=de`)).json.text, 'drücken Sie die 9')
  t.equal((await ask(`to=${to}&text=x&from=Clinic`)).json.from, null, 'a word is no number that could be shown')
  t.match((await ask(`to=${to}&text=${encodeURIComponent('x'.repeat(2_001))}`)).json, {
    ...{ parts: 0, price: null, problems: [{ code: 'TOO_LONG' }] },
  })
  t.match((await ask(`to=${to}&text=.`)).json.problems, [{ code: 'EMPTY_TEXT' }])
  t.match((await ask('to=%2B33140205050&text=x')).json, { channel: 'voice', problems: [{ code: 'NO_ROUTE' }] })
  const body = {
    text: 'Hi ~name|~',
    prompts: ['Played to all.'],
    language: 'de',
    sendAt: LATER,
    recipients: [LANDLINE],
  }
  const job = (await office.call('POST', '/v1/jobs', { body })).json.id
  t.match((await ask(`to=${to}&job=${job}`)).json, { channel: 'voice', text: /^Played to all. .*drücken Sie die 9/ })
  t.match((await ask(`to=${to}&job=${job}&text=Other.`)).json.text, /^Other\. /)
  const message = await say(office, {})
  const explained = (await office.call('GET', `/v1/messages/${message.id}/explain`)).json
  t.match(explained, { channel: 'voice', encoding: 'speech', parts: 1, price: 0.1, text: message.text, problems: [] })
  t.equal(explained.waits.length > 0, true)
})
