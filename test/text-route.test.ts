/** Texts on routes whose carriers differ: whichever of them takes a message, it reads the same. */
import t from 'tap'
import { textPlan } from '../src/engine/jobs/text-plan.js'
import {
  type NpmPdu,
  type NpmSession,
  numberOf,
  startEngine,
  startJob,
  startPeer,
  untilMessages,
} from './peer-support.js'
import { carrierConfig } from './smpp-support.js'

const of = (change: object) => carrierConfig({ port: 1, ...change })

t.test('a route is planned for what all of its carriers can take', async (t) => {
  const gsm = of({ nationalLanguages: ['turkish', 'hindi'] })
  const turkish = of({ nationalLanguages: ['turkish'], longMessages: 'udh16' })
  const latin1 = of({ defaultAlphabet: 'latin1' })
  const both = of({ defaultAlphabet: 'latin1', gsm7DataCoding: 0xf1 })
  const ascii = of({ defaultAlphabet: 'ascii' })
  t.match(textPlan([]), { alphabet: 'gsm7', longMessages: 'udh', nationalLanguages: [] })
  t.match(textPlan([gsm, turkish]), { alphabet: 'gsm7', longMessages: 'udh16', nationalLanguages: ['turkish'] })
  t.match(textPlan([latin1, latin1]), { alphabet: 'latin1' })
  t.match(textPlan([both]), { alphabet: 'latin1' })
  t.match(textPlan([both, gsm]), { alphabet: 'gsm7', nationalLanguages: [] })
  t.match(textPlan([gsm, latin1]), { alphabet: 'common', nationalLanguages: [] })
  t.match(textPlan([ascii, latin1]), { alphabet: 'common' })
})

/** What a phone would show, were it the carrier's network that reads the octets. */
function shown(pdu: NpmPdu, defaultAlphabet: 'latin1' | 'gsm7'): string {
  const { message } = pdu.short_message
  const bytes = Buffer.isBuffer(message) ? message : Buffer.from(message, 'latin1')
  if (pdu.data_coding === 8)
    return typeof message === 'string' ? message : Buffer.from(bytes).swap16().toString('utf16le')
  if (pdu.data_coding !== 0) return `data_coding ${pdu.data_coding}`
  if (defaultAlphabet === 'latin1') return bytes.toString('latin1')
  // Where GSM 7-bit has the code of ASCII; anything else must not come here.
  const text = bytes.toString('latin1')
  return /^[\n\r !-#%-?A-Za-z]*$/.test(text) ? text : `not alike: ${bytes.toString('hex')}`
}

t.test('a text reads the same at a Latin-1 carrier and at the GSM carrier that it goes to next', async (t) => {
  const texts = ['Hello, 123!', 'caf\u00e9 @ home', 'Price 5\u20ac', 'under_score {x}', '\u0394 delta', 'a'.repeat(140)]
  const seen = new Map<string, string>()
  const refuses = (session: NpmSession): void => {
    session.on('submit_sm', (pdu) => {
      seen.set(`latin1 ${pdu.destination_addr}`, shown(pdu, 'latin1'))
      session.send(pdu.response({ command_status: 0x0a }))
    })
  }
  const takes = (session: NpmSession): void => {
    session.on('submit_sm', (pdu) => {
      seen.set(`gsm7 ${pdu.destination_addr}`, shown(pdu, 'gsm7'))
      session.send(pdu.response({ message_id: String(pdu.sequence_number) }))
    })
  }
  const receipts = { request: 'none' }
  const peers = await startEngine(
    t,
    [
      { id: 'first', port: await startPeer(t, refuses), defaultAlphabet: 'latin1', receipts },
      { id: 'second', port: await startPeer(t, takes), receipts },
    ],
    [{ prefix: '44', carriers: ['first', 'second'] }],
  )
  const rows = texts.map((text, n) => ({ to: numberOf(1, n), text }))
  const job = await startJob(peers, {}, rows)
  const messages = await untilMessages(peers, job, (all) => all.every(({ state }) => state === 'sent'), 60)
  for (const { to, text, state } of messages) {
    t.equal(state, 'sent')
    const digits = to.slice(1)
    t.equal(seen.get(`latin1 ${digits}`), text, `at the first: ${text.slice(0, 20)}`)
    t.equal(seen.get(`gsm7 ${digits}`), text, `at the second: ${text.slice(0, 20)}`)
  }
  t.equal(messages.length, texts.length)
})
