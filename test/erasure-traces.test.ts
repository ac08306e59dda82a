/**
 * An erasure finds what lies farther off: automatic events, an answer to STOP, a receipt that matched nothing, files of the drop
 * folder, what is kept under an email address; a record that is damaged does not hold it up.
 */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openRaw, rawTable } from '../src/engine/backup/instant.js'
import { timeout } from './acceptance-run.js'
import { formsOf, tracesOf } from './raw-traces.js'
import { until } from './until.js'
import { type Call, startWhole, type Whole } from './whole-engine.js'

t.setTimeout(timeout)
const number = '+447712345678'
const email = 'rosamund@example.com'
/** But for the key of the suppression, which stays. */
const { key: _key, ...forms } = formsOf('447712345678', '07712 345678')
const needles = { ...forms, name: Buffer.from('Rosamund'), email: Buffer.from(email) }
const NOBODYS_RECEIPT =
  'id:4711 sub:001 dlvrd:001 submit date:2611220101 done date:2611220102 stat:DELIVRD err:000 text:'

async function erase(call: Call, body: object) {
  const made = await call('POST', '/v1/erasures', { body })
  if (made.status !== 202) throw new Error(made.text)
  const look = () => call('GET', `/v1/erasures/${made.json.id}`)
  return (await until(look, ({ json }) => json.state === 'done')).json
}

async function event(call: Call, id: string, to: string): Promise<void> {
  const at = new Date(Date.now() + 20 * 3_600_000).toISOString()
  const body = { type: 'visit', id, at, to, data: { name: 'Rosamund' } }
  const { status, text } = await call('POST', '/v1/events', { body })
  if (status !== 202) throw new Error(text)
}

async function stop(whole: Whole, from: string): Promise<void> {
  await whole.smsc.subscribers.send({ from, to: '60099', text: 'STOP' })
  const heard = () => whole.call('GET', '/v1/inbound')
  await until(heard, ({ json }) => json.items.some((item: { answer: string | null }) => item.answer !== null))
}

/** Resolves when it is filed away. */
async function drop(root: string, name: string, content: string): Promise<void> {
  const folder = join(root, 'acme')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(root, 'new'), content)
  renameSync(join(root, 'new'), join(folder, name))
  const filed = async () => ['processed', 'error'].flatMap((area) => listed(join(folder, area)))
  await until(filed, (names) => names.includes(`${name}.summary.txt`))
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** The last octet of the first record of a table, beside the engine. */
async function damageFirst(folder: string, table: string): Promise<void> {
  const root = openRaw(folder, 'queue')
  const records = rawTable(root, table)
  const [first] = [...records.getRange({ limit: 1 })]
  const bytes = Buffer.from(first!.value)
  bytes[bytes.length - 1]! ^= 0x10
  await records.put(first!.key, bytes)
  await root.close()
}

t.test('events, answers to STOP, receipts of nobody and dropped files that name a person', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'trunkline-dropped-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const dropFolder = JSON.stringify({ root, settleMs: 100, scanMs: 300 })
  const whole = await startWhole(t, {
    yaml: (at) => `carriers: [{ id: sim, ${at('trunk')} }]\ndropFolder: ${dropFolder}`,
  })
  const settings = { defaultCountry: 'GB', inbound: { numbers: ['60099'] }, features: { email: true, drop: true } }
  const { call } = await whole.account('acme', settings)
  const profile = await call('PUT', '/v1/profiles/default', { body: { columns: { to: 'mobile', text: 'text' } } })
  t.ok(profile.status < 300, profile.text)
  await event(call, 'v-1', number)
  await event(call, 'v-2', email)
  await event(call, 'v-3', '+447712999999')
  t.ok((await call('PUT', `/v1/contacts/${email}`, { body: { attributes: { name: 'Rosamund' } } })).status < 300)
  await stop(whole, '447712345678')
  await whole.smsc.subscribers.send({ from: '447712345678', to: '60099', text: NOBODYS_RECEIPT, esmClass: 4 })
  await drop(root, 'list.csv', 'mobile,text\n07712 345678,Hi Rosamund\n+447712999999,Hi there\n')
  const before = [...tracesOf(whole.folder, needles), ...tracesOf(root, needles)]
  for (const form of ['digits', 'tail', 'name', 'email', 'national']) {
    t.ok(
      before.some((trace) => trace.includes(` ${form} ×`)),
      `${form} is there before`,
    )
  }

  const byNumber = await erase(whole.call, { number })
  t.match(byNumber.erased, { events: 1, replies: 1, receipts: 1, inbound: 1 })
  t.ok(byNumber.erased.fileLines >= 2, 'of the job and of what was filed away')
  const byEmail = await erase(whole.call, { email })
  t.match(byEmail.erased, { events: 1, contacts: 1 })
  t.equal((await call('GET', '/v1/events/v-1')).status, 404)
  t.equal((await call('GET', '/v1/events/v-2')).status, 404)
  t.equal((await call('GET', '/v1/events/v-3')).status, 200, 'that of another person is there')
  t.equal((await call('GET', `/v1/suppressions/${number}`)).status, 200, 'who opted out stays')
  const own = { ...needles, name: Buffer.from('Hi Rosamund') }
  t.same(tracesOf(root, own), [], 'nothing is left in the drop folder')
  await whole.restart()
  const left = tracesOf(whole.folder, needles).filter((trace) => !trace.includes(' name '))
  t.same(left, [], 'nothing is left in the stores')
})

t.test('records that are damaged are passed by, and the rest is erased', async (t) => {
  const whole = await startWhole(t)
  const { call } = await whole.account('acme', { defaultCountry: 'GB', inbound: { numbers: ['60099'] } })
  for (const from of ['447712345671', '447712345678']) {
    await whole.smsc.subscribers.send({ from, to: '60099', text: 'I am Rosamund' })
    await event(call, `of-${from}`, `+${from}`)
  }
  const heard = () => whole.call('GET', '/v1/inbound')
  await until(heard, ({ json }) => json.items.length === 2)
  for (const table of ['inboundList', 'ruleEvents']) await damageFirst(whole.folder, table)
  const { state, erased } = await erase(call, { number })
  t.equal(state, 'done')
  t.match(erased, { inbound: 1, events: 1 })
})
