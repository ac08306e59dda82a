/** PDUs of a live carrier as HTTP and the command line show them; what must not be seen is masked. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { silentLog } from '../src/engine/contract/log.js'
import { describePdu } from '../src/smpp/describe.js'
import { maskedCopy } from '../src/smpp/mask.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { type Peers, smpp, startEngine, startJob, untilMessages } from './peer-support.js'
import { TextSender } from './sent-pdus.js'
import { runBeside } from './trace-command.js'
import { Watcher } from './trace-watch.js'

async function startPair(t: Test): Promise<{ peers: Peers; smsc: Smsc }> {
  const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
  const { port } = await smsc.listen()
  t.teardown(() => smsc.close())
  const peers = await startEngine(t, [{ id: 'sim', port, password: 'topsecret' }])
  return { peers, smsc }
}

function answered(watcher: Watcher, count: number): Promise<void> {
  return watcher.until(() => watcher.pdus('deliver_sm_resp').length >= count)
}

t.test('a message is seen on its way out and back, its words masked unless asked for', async (t) => {
  const { peers } = await startPair(t)
  const masked = new Watcher()
  const open = new Watcher()
  const one = new Watcher()
  await masked.start(peers, '')
  await open.start(peers, '?text=true')
  await one.start(peers, '?number=%2B447710000001')
  const rows = [
    { to: '+447710000000', text: 'Hello Anna' },
    { to: '+447710000001', text: 'Привет' },
  ]
  await untilMessages(peers, await startJob(peers, {}, rows), (all) => all.every(({ state }) => state === 'delivered'))
  for (const watcher of [masked, open]) await answered(watcher, 2)
  await answered(one, 1)
  for (const watcher of [masked, open, one]) watcher.stop()
  const textsOf = (watcher: Watcher): string[] => watcher.pdus('submit_sm').map(({ pdu }) => pdu.short_message)
  t.strictSame(textsOf(masked).sort(), ['*'.repeat(6), '*'.repeat(10)])
  t.strictSame(textsOf(open).sort(), ['Hello Anna', 'Привет'])
  t.match(masked.pdus('submit_sm')[0], {
    direction: 'out',
    pdu: { status: 0, source: { ton: 5, npi: 0, address: 'TRUNK' }, destination: { ton: 1, npi: 1 } },
  })
  t.match(masked.pdus('deliver_sm')[0]!.pdu.short_message, /^id:\S+ .*stat:DELIVRD err:\S+ text:/i)
  t.strictSame(
    one.lines.slice(1).map(({ direction, pdu }) => `${direction} ${pdu.command}`),
    ['out submit_sm', 'in submit_sm_resp', 'in deliver_sm', 'out deliver_sm_resp'],
    'one number: its own PDUs and their answers',
  )
  const { sequence, message_id } = one.lines[2]!.pdu
  t.equal(sequence, one.lines[1]!.pdu.sequence)
  t.match(one.lines[3]!.pdu.short_message, `id:${message_id} `)
})

t.test('a bind shows no password, a foreign carrier and a stranger see nothing, a stop ends the stream', async (t) => {
  const { peers, smsc } = await startPair(t)
  const watcher = new Watcher()
  await watcher.start(peers, '?text=true')
  smsc.dropAll()
  await watcher.until(() => watcher.pdus('bind_transceiver_resp').length > 0)
  const [bind] = watcher.pdus('bind_transceiver')
  t.match(bind!.pdu, { system_id: 'trunk', password: '*********', interface_version: '0x34' })
  const ask = (carrier: string, key: string): Promise<Response> =>
    fetch(`${peers.server.url}/v1/carriers/${carrier}/trace`, { headers: { authorization: `Bearer ${key}` } })
  t.equal((await ask('nobody', peers.server.adminKey)).status, 404)
  const { key } = await peers.server.engine.createAccount('other', {})
  t.equal((await ask('sim', key)).status, 403)
  t.equal((await ask('sim', 'wrong')).status, 401)
  const wrong = await fetch(`${peers.server.url}/v1/carriers/sim/trace?number=abc`, {
    headers: { authorization: `Bearer ${peers.server.adminKey}` },
  })
  t.equal(wrong.status, 422)
  await peers.server.stop()
  t.pass('the stop does not wait for the watcher')
})

t.test('trunkline trace prints a line a PDU, trunkline top shows binds and jobs', async (t) => {
  const { peers } = await startPair(t)
  const send = (): void => void startJob(peers, {}, [{ to: '+447710000000', text: 'Hello' }]).catch(t.threw)
  const traced = await runBeside(peers.server, ['trace', '--carrier', 'sim', '--number', '0000', '--count', '4'], send)
  t.equal(traced.code, 0)
  const lines = traced.stdout.trimEnd().split('\n')
  t.match(lines[0], /^\d\d:\d\d:\d\d\.\d{3} 0 → submit_sm \d+ .*destination=1:1:447710000000 .*short_message=\*{5}$/)
  t.match(lines[1], /^\S+ 0 ← submit_sm_resp \d+ ESME_ROK message_id=\S+$/)
  t.equal(lines.length, 4)
  const topped = await runBeside(peers.server, ['top', '--count', '2', '--interval', '0.1'])
  t.equal(topped.code, 0)
  t.match(topped.stdout, /sim +running +no limit .* 0 +bound +0 +0\/10/)
  const json = await runBeside(peers.server, ['top', '--count', '2', '--interval', '0.1', '--json'])
  const views = json.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(views[0], { queued: 0, carriers: [{ id: 'sim', binds: [{ state: 'bound', partsPerSecond: null }] }] })
  t.match(views[1], { carriers: [{ binds: [{ partsPerSecond: 0 }] }], jobs: [] })
  const none = await runBeside(peers.server, ['trace', '--carrier', 'nobody'])
  t.equal(none.code, 1)
})

t.test('a copy that is shown keeps its length and loses its words, whatever the PDU', async (t) => {
  const secret = 'A secret word'
  const shown = (command: string, fields: object): Record<string, unknown> => {
    const bytes = new smpp.PDU(command, { sequence_number: 1, ...fields }).toBuffer()
    const copy = maskedCopy(bytes, 0, bytes.length, false)
    t.equal(copy.length, bytes.length)
    t.notOk(copy.includes('secret') || copy.includes(Buffer.from('secret', 'utf16le').swap16()), command)
    return describePdu(copy)
  }
  shown('submit_sm', { short_message: secret })
  shown('submit_sm', { short_message: Buffer.from(secret, 'utf16le').swap16(), data_coding: 8 })
  shown('submit_sm', { message_payload: secret })
  shown('data_sm', { message_payload: secret })
  shown('deliver_sm', { short_message: secret })
  shown('deliver_sm', { short_message: `id:1 stat:DELIVRD text:${secret}` })
  shown('bind_transmitter', { system_id: 'me', password: 'secret' })
  shown('outbind', { system_id: 'me', password: 'secret' })
  const long = shown('submit_sm', {
    esm_class: 0x40,
    short_message: { udh: Buffer.from([5, 0, 3, 7, 2, 1]), message: secret },
  })
  t.match(long, { user_data_header: '050003070201', short_message: '*'.repeat(secret.length) })
  for (let end = 0; end < 40; end++) t.ok(describePdu(Buffer.alloc(end, 0x41)), 'a piece of a PDU is described too')
})

t.test('texts in national tables, for the screen alone, and octets are shown as what they are', async (t) => {
  const turkish = new TextSender({ nationalLanguages: ['turkish'] }).send('ş'.repeat(80))
  const [pdu] = turkish.pdus
  t.match(describePdu(pdu!), { user_data_header: '03250101', short_message: 'ş'.repeat(80) })
  t.match(describePdu(maskedCopy(pdu!, 0, pdu!.length, false)), { short_message: '*'.repeat(80) })
  const shown = (data_coding: number, short_message: Buffer, mask: boolean) => {
    const bytes = new smpp.PDU('submit_sm', { sequence_number: 1, data_coding, short_message }).toBuffer()
    return describePdu(mask ? maskedCopy(bytes, 0, bytes.length, false) : bytes).short_message
  }
  const flash = Buffer.from('жж', 'utf16le').swap16()
  t.equal(shown(0x18, flash, false), 'жж')
  t.equal(shown(0x18, flash, true), '**')
  t.equal(shown(0xf5, Buffer.from([0, 255]), false), '00ff')
})

t.test('the help of both commands is what the README says', async (t) => {
  const readme = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8')
  for (const command of ['trunkline top', 'trunkline trace']) t.match(readme, command)
})
