/**
 * SIPp (sip-tester) as the independent far end of a test: a process that plays a scenario and ends with code 0 when every
 * call went as the scenario says. Scenarios are made by sipp-scenario.ts.
 *
 *     const gateway = await startSipp(t, { scenario: refusal(486), calls: 3 })
 *     … three calls to gateway.peer …
 *     await gateway.succeeded()
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Peer } from '../src/sip/transport/transport.js'

export interface SippOptions {
  /** XML of the scenario. */
  scenario: string
  /** It ends by itself after so many. */
  calls: number
  /** 127.0.3.1 unless told. */
  address?: string
  transport?: 'udp' | 'tcp'
  /** Calls out instead of waiting for calls: `host:port`. */
  to?: string
  /** Sends back the sound that it gets; its SDP must name [media_port]. */
  echoesSound?: boolean
  /** Everything it sends and gets is kept: see `messages`. */
  keepsMessages?: boolean
  /** Further arguments of the command line. */
  more?: readonly string[]
}

/** A test, or whoever else ends what was started for it. */
export interface Owner {
  teardown(end: () => unknown): void
}

const PORT_TRIES = 10
/** A scenario that hangs ends so; the test has failed then. */
const SECONDS_MOST = 60
const LOOK_MS = 10

/** Resolves when its port is open; rejects with what it says when it does not start. It is killed with the test. */
export async function startSipp(t: Owner, options: SippOptions): Promise<Sipp> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-sipp-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (let tries = 1; ; tries++) {
    const sipp = new Sipp(options, folder, await portsFor(options))
    t.teardown(() => sipp.kill())
    if (await sipp.started()) return sipp
    await sipp.ended
    if (tries >= PORT_TRIES || !/unable to bind|in use/i.test(sipp.said)) throw new Error(`sipp: ${sipp.said}`)
  }
}

interface Ports {
  sip: number
  media: number
}

export class Sipp {
  readonly address: string
  readonly port: number
  /** Resolves to its exit code; -1: it was killed. */
  readonly ended: Promise<number>
  readonly #options: SippOptions
  readonly #folder: string
  readonly #child: ChildProcess
  #stderr = ''
  #code: number | null = null

  constructor(options: SippOptions, folder: string, ports: Ports) {
    this.#options = options
    this.#folder = folder
    this.address = addressOf(options)
    this.port = ports.sip
    writeFileSync(join(folder, 'scenario.xml'), options.scenario)
    // Its screen is drawn to stdout, and nobody looks at it.
    this.#child = spawn('sipp', this.#arguments(ports), { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.ended = once(this.#child, 'close').then(([code]) => {
      this.#code = code ?? -1
      return this.#code!
    })
  }

  #arguments({ sip, media }: Ports): string[] {
    const { to, calls, transport = 'udp', echoesSound, keepsMessages, more = [] } = this.#options
    return [
      ...(to === undefined ? [] : [to]),
      ...['-sf', 'scenario.xml', '-i', this.address, '-p', String(sip), '-m', String(calls), '-bind_local'],
      ...['-mi', this.address, '-mp', String(media), '-ci', this.address, '-nostdin', '-skip_rlimit'],
      ...['-t', transport === 'udp' ? 'u1' : 't1', '-timeout', `${SECONDS_MOST}s`, '-timeout_error'],
      ...['-trace_err', '-error_file', 'errors.log', ...(echoesSound === true ? ['-rtp_echo'] : [])],
      ...(keepsMessages === true ? ['-trace_msg', '-message_file', 'messages.log'] : []),
      ...more,
    ]
  }

  /** Where it is called. */
  get peer(): Peer {
    return { transport: this.#options.transport ?? 'udp', address: this.address, port: this.port }
  }

  /** What it has complained of. */
  get said(): string {
    return `${this.#stderr}${this.#read('errors.log')}`
  }

  /** All messages so far, as SIPp writes them down; with `keepsMessages` only. */
  get messages(): string {
    return this.#read('messages.log')
  }

  #read(name: string): string {
    const path = join(this.#folder, name)
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }

  /** True once its port is open; false when it has ended before. */
  async started(): Promise<boolean> {
    const { transport = 'udp', to } = this.#options
    while (this.#code === null) {
      if (isOpen(this.peer, this.#child.pid!) || (to !== undefined && transport === 'tcp')) return true
      await Promise.race([pause(LOOK_MS), this.ended])
    }
    return false
  }

  /** Resolves when all calls went as the scenario says; rejects with its log when one did not. */
  async succeeded(): Promise<void> {
    const code = await this.ended
    if (code !== 0) throw new Error(`sipp ended with code ${code}: ${this.said.slice(0, 4_000)}`)
  }

  async kill(): Promise<void> {
    if (this.#code !== null) return
    this.#child.kill('SIGKILL')
    await this.ended
  }
}

function addressOf({ address = '127.0.3.1' }: SippOptions): string {
  return address
}

async function portsFor(options: SippOptions): Promise<Ports> {
  const address = addressOf(options)
  const sip = options.transport === 'tcp' ? await freeTcpPort(address) : await freeUdpPort(address)
  // Sound takes an even port and the next.
  const media = (await freeUdpPort(address)) & ~1
  return { sip, media }
}

/** Nobody holds it now; whoever starts at it tries another one when somebody was faster. */
export async function freeUdpPort(address: string): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, address)
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

async function freeTcpPort(address: string): Promise<number> {
  const server = createServer().listen(0, address)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/**
 * The process has it; somebody else's socket there is none of ours. Of TCP: it listens. Whoever asked the port itself would be a
 * call that the scenario does not know.
 */
function isOpen({ transport, address, port }: Peer, pid: number): boolean {
  const place = `${hexAddress(address)}:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = readFileSync(`/proc/net/${transport}`, 'latin1').split('\n')
  return lines.some((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/)
    return local === place && (transport === 'udp' || state === '0A') && holds(pid, `socket:[${inode}]`)
  })
}

function holds(pid: number, file: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === file)
  } catch {
    // It, or one of its files, is gone: whoever waits looks again.
    return false
  }
}

/** As /proc/net has it: the octets of IPv4 from the last to the first. */
function hexAddress(address: string): string {
  const octets = address.split('.').reverse()
  return octets.map((octet) => Number(octet).toString(16).toUpperCase().padStart(2, '0')).join('')
}
