/**
 * tshark (Debian), a dissector of its own, reads what we send: every kind of PDU, over connections to carriers by npm smpp
 * that were captured by our own trace. Nothing is malformed, and no expert complains.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { COMMAND, RESPONSE } from '../src/smpp/constants.js'
import {
  type NpmPdu,
  type NpmSession,
  type Peers,
  smpp,
  startEngine,
  startJob,
  startPeer,
  untilMessages,
} from './peer-support.js'
import { Capture } from './trace-watch.js'

t.setTimeout(580_000)

const isInstalled = spawnSync('tshark', ['--version']).status === 0
const skip = isInstalled ? false : 'tshark is not installed (Debian: tshark)'

const CHECKS = ['-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE']

/** What tshark sees of a capture: a row a PDU, with these fields. Fails on anything that it complains of. */
function dissect(t: Test, capture: Buffer, fields: string[]): string[][] {
  const file = path.join(t.testdir(), 'carrier.pcap')
  writeFileSync(file, capture)
  const run = (args: string[]): string => {
    const { stdout, status, stderr } = spawnSync('tshark', ['-r', file, ...CHECKS, ...args], { encoding: 'utf8' })
    t.equal(status, 0, stderr)
    return stdout
  }
  t.equal(run(['-Y', '_ws.malformed || _ws.expert.severity >= "Warning"']), '', 'nothing to complain of')
  const columns = fields.flatMap((field) => ['-e', field])
  const rows = run(['-Y', 'smpp', '-T', 'fields', ...columns])
    .trimEnd()
    .split('\n')
  return rows.map((row) => row.split('\t'))
}

/** A carrier by npm smpp: answers submits, sends a receipt for each, and asks what a carrier may ask. */
class Carrier {
  readonly sessions: NpmSession[] = []
  submits = 0

  readonly onSession = (session: NpmSession): void => {
    this.sessions.push(session)
    session.on('submit_sm', (pdu: NpmPdu) => {
      const id = `A${++this.submits}`
      session.send(pdu.response({ message_id: id }))
      const short_message = `id:${id} sub:001 dlvrd:001 submit date:2611220930 done date:2611220931 stat:DELIVRD err:000 text:`
      session.deliver_sm({
        source_addr: pdu.destination_addr,
        destination_addr: pdu.source_addr,
        esm_class: 4,
        short_message,
      })
    })
    session.on('bind_transceiver', () => this.#ask(session))
    session.on('bind_receiver', () => this.#ask(session))
  }

  /** Requests of the carrier's side, one that nobody knows among them. */
  #ask(session: NpmSession): void {
    session.enquire_link(() => {})
    session.data_sm({ source_addr: '447710000009', destination_addr: 'TRUNK', message_payload: 'Yes' })
    const unknown = new smpp.PDU('enquire_link', { sequence_number: 99 }).toBuffer()
    unknown.writeUInt32BE(0x00000abc, 4)
    session.socket.write(unknown)
  }

  cut(): void {
    for (const session of this.sessions.splice(0)) session.destroy()
  }
}

const SENT = {
  transceiver: [COMMAND.bindTransceiver, COMMAND.submitSm, COMMAND.unbind],
  pair: [COMMAND.bindTransmitter, COMMAND.bindReceiver],
  both: [
    COMMAND.enquireLink,
    COMMAND.enquireLinkResp,
    COMMAND.deliverSmResp,
    COMMAND.dataSmResp,
    COMMAND.genericNack,
    COMMAND.unbindResp,
  ],
}

const long = 'The quick brown fox jumps over the lazy dog. '.repeat(4)

t.test('every kind of PDU that we send is dissected, and nothing is wrong with one', { skip }, async (t) => {
  const kinds = { transceiver: new Carrier(), pair: new Carrier() }
  const common = { enquireLinkMs: 200, binds: 2 }
  const peers = await startEngine(
    t,
    [
      { id: 'transceiver', port: await startPeer(t, kinds.transceiver.onSession), ...common },
      { id: 'pair', port: await startPeer(t, kinds.pair.onSession), ...common, bindType: 'transmitter+receiver' },
    ],
    [
      { prefix: '44771', carriers: ['transceiver'] },
      { prefix: '44772', carriers: ['pair'] },
    ],
  )
  for (const id of ['transceiver', 'pair'] as const) {
    const capture = new Capture()
    t.equal(await capture.start(peers, id), 'application/vnd.tcpdump.pcap')
    kinds[id].cut()
    const digits = id === 'pair' ? '2' : '1'
    const texts = [long, 'Hello', 'Привет', 'Price 5€ [net]']
    const rows = texts.map((text, n) => ({ to: `+4477${digits}000000${n}`, text }))
    const job = await startJob(peers, {}, rows)
    await untilMessages(peers, job, (all) => all.every(({ state }) => state === 'delivered'))
    await untilBound(peers, id)
    await peers.server.engine.patchCarrier(id, { binds: 1 })
    await capture.until(COMMAND.unbind, 1)
    for (const session of kinds[id].sessions) session.send(new smpp.PDU('unbind', { sequence_number: 7 }))
    const sent = [...SENT[id], ...SENT.both]
    for (const command of sent) await capture.until(command, 1)
    const seen = dissect(t, await capture.stop(), ['smpp.command_id', 'ip.src', 'smpp.message_text'])
    const ours = new Set(seen.filter(([, source]) => source === '192.0.2.1').flatMap(([ids]) => ids!.split(',')))
    for (const command of sent) t.ok(ours.has(hex(command)), `${id}: ${hex(command)}`)
    const answered = seen
      .flatMap(([ids]) => ids!.split(','))
      .filter((each) => each === hex(COMMAND.submitSm | RESPONSE))
    t.ok(answered.length >= 5, 'both directions are there')
  }
})

/** A bind that is not bound has nothing to unbind. */
async function untilBound({ server }: Peers, id: string): Promise<void> {
  for (;;) {
    const carrier = (await server.engine.carriers()).find((each) => each.id === id)!
    if (carrier.binds.every(({ state }) => state === 'bound')) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function hex(command: number): string {
  return `0x${(command >>> 0).toString(16).padStart(8, '0')}`
}
