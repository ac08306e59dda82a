/**
 * The whole engine with a SIP carrier and simulated gateways, all real: what the peer counted is asked of the gateway itself
 * and of its ledger. The voice is a command that makes a tone as long as its text, so that no program need be installed.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Gateway } from '../src/sip/simulator/gateway.js'
import type { CallEntry } from '../src/sip/simulator/gateway-ledger.js'
import type { GatewayOptions } from '../src/sip/simulator/gateway-options.js'
import { callsIn } from './gateway-calls.js'
import { type Customer, startWhole, type Whole } from './whole-engine.js'

/** 8 kHz, 16 bit, 8 ms of tone a character of the text, 400 ms at least: WAV on stdout. */
const SPEAKER = `
const chunks = []
process.stdin.on('data', (chunk) => chunks.push(chunk))
process.stdin.on('end', () => {
  const ms = Math.max(400, Buffer.concat(chunks).toString().trim().length * 8)
  const samples = ms * 8
  const wav = Buffer.alloc(44 + samples * 2)
  wav.write('RIFF', 0); wav.writeUInt32LE(36 + samples * 2, 4); wav.write('WAVEfmt ', 8)
  wav.writeUInt32LE(16, 16); wav.writeUInt16LE(1, 20); wav.writeUInt16LE(1, 22); wav.writeUInt32LE(8000, 24)
  wav.writeUInt32LE(16000, 28); wav.writeUInt16LE(2, 32); wav.writeUInt16LE(16, 34)
  wav.write('data', 36); wav.writeUInt32LE(samples * 2, 40)
  for (let n = 0; n < samples; n++) wav.writeInt16LE(Math.round(8000 * Math.sin(n / 3)), 44 + n * 2)
  process.stdout.write(wav)
})
`

export interface StandOptions {
  /** One simulated gateway each, in the carrier's order. */
  gateways?: Partial<GatewayOptions>[]
  /** Further keys of the carrier, in the braces of YAML. */
  carrier?: string
  /** Further top-level YAML. */
  yaml?: string
}

export interface VoiceStand {
  whole: Whole
  customer: Customer
  gateways: Gateway[]
  /** Calls that are over, in order, of the gateway with this index. */
  ledger(index?: number): CallEntry[]
}

/** A folder and a command of the speaker. */
export function speakerIn(folder: string): string {
  const file = join(folder, 'speaker.cjs')
  writeFileSync(file, SPEAKER)
  return `speech: { command: ["${process.execPath}", "${file}"] }`
}

export async function startVoice(t: Test, options: StandOptions = {}): Promise<VoiceStand> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-voice-'))
  const { gateways: wanted = [{}], carrier = '', yaml = '' } = options
  const ledgers = wanted.map((_, index) => join(folder, `gateway-${index}.ndjson`))
  const gateways = wanted.map((each, index) => {
    return new Gateway({ host: '127.0.0.1', port: 0, transport: 'udp', ...each, ledgerPath: ledgers[index] })
  })
  t.teardown(() => {
    for (const gateway of gateways) gateway.close()
    rmSync(folder, { recursive: true })
  })
  const ports = await Promise.all(gateways.map((gateway) => gateway.listen()))
  const hosts = ports.map((port) => `"127.0.0.1:${port}"`).join(', ')
  const sip = `id: pbx, protocol: sip, hosts: [${hosts}], callerId: "+442071838750", localAddress: 127.0.0.1`
  const whole = await startWhole(t, {
    yaml: (at) => `
carriers:
  - { id: sim, ${at('trunk')} }
  - { ${sip}, ${carrier} }
${speakerIn(folder)}
${yaml}`,
  })
  const settings = { defaultCountry: 'GB', features: { sms: true, voice: true, email: true, drop: true } }
  const customer = await whole.account('clinic', settings)
  return { whole, customer, gateways, ledger: (index = 0) => callsIn(ledgers[index]!) }
}

/** A landline of London whose last four digits are these. */
export function landline(ending: number | string): string {
  return `+44207183${String(ending).padStart(4, '0')}`
}
