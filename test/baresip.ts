/**
 * baresip as a telephone: an independent SIP user agent that answers by itself or calls, keeps what it heard as WAV, and is
 * told by netstrings over TCP (its ctrl_tcp) to press digits, to hang up or to call. Each has an address of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeWav } from './voice-sound.js'

export interface BaresipOptions {
  /** 127.0.0.0/8; one a telephone. */
  address: string
  /** Its number: the user of its URI; default `phone`. */
  user?: string
  /** Answers by itself; default true. */
  answers?: boolean
  /** Default both. */
  codecs?: string
  transport?: 'udp' | 'tcp' | 'tls'
  /** PEM of certificate and key together; for TLS. */
  certificate?: string
  /** What it says, 16 bits at 8 kHz; default silence. */
  says?: Int16Array
  /** Further parameters of its account, such as `;outbound="…"`. */
  account?: string
}

/** An event of its ctrl_tcp, such as CALL_ESTABLISHED. */
export interface BaresipEvent {
  type: string
  class: string
  param: string
  peeruri: string
  id: string
}

interface Owner {
  teardown(end: () => Promise<void>): void
}

export interface Baresip {
  address: string
  /** Of SIP; with TLS the one after. */
  port: number
  events: BaresipEvent[]
  /** What it heard, newest last: WAV files, written to their end once their call is over. */
  heard(): string[]
  /** The next event of this type that it has not given out yet. */
  event(type: string): Promise<BaresipEvent>
  dial(uri: string): Promise<void>
  press(digit: string): Promise<void>
  hangUp(): Promise<void>
  accept(): Promise<void>
  command(command: string, params?: string): Promise<Record<string, unknown>>
}

const MODULES = '/usr/lib/baresip/modules'
const START_TRIES = 5

export async function startBaresip(t: Owner, options: BaresipOptions): Promise<Baresip> {
  for (let n = 1; ; n++) {
    const baresip = await tryStart(t, options)
    if (baresip !== null) return baresip
    if (n === START_TRIES) throw new Error('baresip does not start')
  }
}

/** null: a port was taken in the meantime. */
async function tryStart(t: Owner, options: BaresipOptions): Promise<Baresip | null> {
  const { address } = options
  const port = await freePort(address)
  const control = await freePort(address)
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-baresip-'))
  writeConfig(folder, options, { port, control })
  const child = spawn('baresip', ['-f', folder], { stdio: ['ignore', 'pipe', 'pipe'] })
  const isReady = await readiness(child)
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    rmSync(folder, { recursive: true })
  })
  return isReady ? await talk(t, { address, port, folder }, await connected(control, address)) : null
}

/** True once it says so; false when it ends before. */
async function readiness(child: ChildProcess): Promise<boolean> {
  let said = ''
  const ready = new Promise<boolean>((resolve) => {
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.includes('baresip is ready')) resolve(true)
    })
    child.stderr!.resume()
    child.once('exit', () => resolve(false))
  })
  return await ready
}

function connected(port: number, host: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => resolve(socket))
    socket.once('error', reject)
  })
}

/** A port for UDP and TCP, and the one after it: free a moment ago, below those that the system gives away. */
async function freePort(host: string): Promise<number> {
  for (;;) {
    const port = 12_000 + 2 * Math.floor(Math.random() * 10_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, host, () => resolve(true))
    })
    server.close()
    if (isFree) return port
  }
}

function writeConfig(
  folder: string,
  options: BaresipOptions,
  { port, control }: { port: number; control: number },
): void {
  const {
    address,
    user = 'phone',
    answers = true,
    codecs,
    transport = 'udp',
    certificate,
    says,
    account = '',
  } = options
  mkdirSync(join(folder, 'heard'))
  writeWav(join(folder, 'says.wav'), says ?? new Int16Array(8_000 * 60))
  if (certificate !== undefined) writeFileSync(join(folder, 'cert.pem'), certificate)
  const lines = [
    ...['poll_method epoll', `sip_listen ${address}:${port}`, 'call_local_timeout 120', 'call_max_calls 100'],
    ...(certificate === undefined ? [] : [`sip_certificate ${join(folder, 'cert.pem')}`]),
    ...['audio_player aubridge,nil', `audio_source aufile,${join(folder, 'says.wav')}`, 'audio_alert aubridge,nil'],
    ...['ausrc_format s16', 'auplay_format s16', 'auenc_format s16', 'audec_format s16', 'audio_buffer 20-160'],
    ...['jitter_buffer_delay 5-10', 'rtcp_mux no', `net_interface ${address}`, `module_path ${MODULES}`],
    ...['g711', 'sndfile', 'aufile', 'aubridge'].map((name) => `module ${name}.so`),
    ...['account', 'menu', 'ctrl_tcp'].map((name) => `module_app ${name}.so`),
    ...[`ctrl_tcp_listen ${address}:${control}`, `snd_path ${join(folder, 'heard')}`],
  ]
  writeFileSync(join(folder, 'config'), `${lines.join('\n')}\n`)
  const mode = answers ? 'auto' : 'manual'
  const chosen = codecs === undefined ? '' : `;audio_codecs=${codecs}`
  const uri = `<sip:${user}@${address}:${transport === 'tls' ? port + 1 : port};transport=${transport}>`
  writeFileSync(join(folder, 'accounts'), `${uri};regint=0;answermode=${mode}${chosen}${account}\n`)
  writeFileSync(join(folder, 'contacts'), '\n')
}

interface Place {
  address: string
  port: number
  folder: string
}

async function talk(t: Owner, { address, port, folder }: Place, socket: Socket): Promise<Baresip> {
  const events: BaresipEvent[] = []
  const waiting: { type: string; resolve: (event: BaresipEvent) => void }[] = []
  const given = new Set<BaresipEvent>()
  const answers: ((answer: Record<string, unknown>) => void)[] = []
  onNetstrings(socket, (text) => {
    const message = JSON.parse(text) as Record<string, unknown>
    if (message.event !== true) {
      answers.shift()?.(message)
      return
    }
    const event = message as unknown as BaresipEvent
    events.push(event)
    const at = waiting.findIndex(({ type }) => type === event.type)
    if (at < 0) return
    given.add(event)
    waiting.splice(at, 1)[0]!.resolve(event)
  })
  t.teardown(async () => void socket.destroy())
  const command = (name: string, params = ''): Promise<Record<string, unknown>> => {
    const text = JSON.stringify({ command: name, params })
    socket.write(`${Buffer.byteLength(text)}:${text},`)
    return new Promise((resolve) => answers.push(resolve))
  }
  const heardFolder = join(folder, 'heard')
  return {
    ...{ address, port, events, command },
    heard: () =>
      readdirSync(heardFolder)
        .filter((name) => name.endsWith('-dec.wav'))
        .sort()
        .map((name) => join(heardFolder, name)),
    event: (type) => {
      const known = events.find((event) => event.type === type && !given.has(event))
      if (known === undefined) return new Promise((resolve) => waiting.push({ type, resolve }))
      given.add(known)
      return Promise.resolve(known)
    },
    dial: async (uri) => void (await command('dial', uri)),
    press: async (digit) => void (await command('sndcode', digit)),
    hangUp: async () => void (await command('hangup')),
    accept: async () => void (await command('accept')),
  }
}

/** D. J. Bernstein's netstrings: `5:hello,`. */
function onNetstrings(socket: Socket, take: (text: string) => void): void {
  let held = Buffer.alloc(0)
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    held = Buffer.concat([held, chunk])
    for (;;) {
      const colon = held.indexOf(0x3a)
      const length = colon < 0 ? Number.NaN : Number(held.toString('latin1', 0, colon))
      if (!(held.length >= colon + 2 + length)) return
      take(held.toString('utf8', colon + 1, colon + 1 + length))
      held = held.subarray(colon + 2 + length)
    }
  })
}
