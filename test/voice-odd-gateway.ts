/**
 * A gateway made of two bare sockets that says whatever its script says, also what no specification allows: for the habits of
 * gateways that proper user agents cannot be told to have. It counts the packets of sound that reach it.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

const ADDRESS = '127.0.0.1'

export interface OddCall {
  /** The INVITE as it came. */
  invite: string
  /** Answers a request of theirs. */
  answer(request: string, statusLine: string, options?: { headers?: string[]; type?: string; body?: string }): void
  /** Asks something within the call. */
  ask(method: string, cseq: number, body?: string): void
  /** The next message whose first line or CSeq has this word, of those not given out yet; each repetition counts. */
  next(word: string): Promise<string>
  /** A description of where its sound is. */
  sdp(extra?: string): string
}

export interface OddGateway {
  port: number
  /** Packets of sound so far. */
  packets(): number
}

interface Owner {
  teardown(end: () => void): void
  fail(message: string): unknown
}

/** `script` runs once a call. */
export async function startOddGateway(t: Owner, script: (call: OddCall) => Promise<void>): Promise<OddGateway> {
  const [sip, rtp] = await Promise.all([bound(), bound()])
  const calls = new Map<string, { hear(text: string): void }>()
  let packets = 0
  rtp.on('message', () => packets++)
  sip.on('message', (bytes, from) => {
    const text = bytes.toString('latin1')
    const send = (answer: string): void => sip.send(answer, from.port, from.address)
    if (text.startsWith('OPTIONS ')) {
      send(response(text, '200 OK'))
      return
    }
    const known = calls.get(field(text, 'call-id'))
    if (known !== undefined) known.hear(text)
    else if (text.startsWith('INVITE ')) {
      const { call, hear } = newCall(text, send, { sip: sip.address().port, rtp: rtp.address().port })
      calls.set(field(text, 'call-id'), { hear })
      script(call).catch((error: unknown) => t.fail(String(error)))
    }
  })
  t.teardown(() => {
    sip.close()
    rtp.close()
  })
  return { port: sip.address().port, packets: () => packets }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, ADDRESS)
  await once(socket, 'listening')
  return socket
}

export function field(text: string, name: string): string {
  return new RegExp(`^${name}:[ ]*(.*)\\r$`, 'im').exec(text)?.[1] ?? ''
}

function response(request: string, statusLine: string, more: readonly string[] = [], body = ''): string {
  const to = field(request, 'to')
  const lines = [
    `SIP/2.0 ${statusLine}`,
    ...['via', 'from'].map((name) => `${name}: ${field(request, name)}`),
    `to: ${to.includes(';tag=') ? to : `${to};tag=odd`}`,
    ...['call-id', 'cseq'].map((name) => `${name}: ${field(request, name)}`),
    ...more,
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

interface Ports {
  sip: number
  rtp: number
}

function newCall(
  invite: string,
  send: (text: string) => void,
  ports: Ports,
): { call: OddCall; hear(text: string): void } {
  const heard: string[] = []
  const waiting: { word: string; resolve: (text: string) => void }[] = []
  const isMeant = (text: string, word: string): boolean =>
    text.slice(0, text.indexOf('\r')).includes(word) || field(text, 'cseq').endsWith(` ${word}`)
  const contact = `contact: <sip:odd@${ADDRESS}:${ports.sip}>`
  const call: OddCall = {
    invite,
    answer(request, statusLine, { headers = [], type = 'application/sdp', body = '' } = {}) {
      const about = body === '' ? [] : [`content-type: ${type}`]
      send(response(request, statusLine, [contact, ...headers, ...about], body))
    },
    ask(method, cseq, body = '') {
      const target = /<([^>]+)>/.exec(field(invite, 'contact'))![1]!
      const lines = [
        `${method} ${target} SIP/2.0`,
        `via: SIP/2.0/UDP ${ADDRESS}:${ports.sip};branch=z9hG4bKodd${method}${cseq}`,
        ...['max-forwards: 70', `from: ${field(invite, 'to')};tag=odd`, `to: ${field(invite, 'from')}`],
        ...[`call-id: ${field(invite, 'call-id')}`, `cseq: ${cseq} ${method}`, contact],
        ...(body === '' ? [] : ['content-type: application/sdp']),
        `content-length: ${Buffer.byteLength(body)}`,
      ]
      send(`${lines.join('\r\n')}\r\n\r\n${body}`)
    },
    next(word) {
      const at = heard.findIndex((text) => isMeant(text, word))
      if (at >= 0) return Promise.resolve(heard.splice(at, 1)[0]!)
      return new Promise((resolve) => waiting.push({ word, resolve }))
    },
    sdp: (extra = '') =>
      [
        ...['v=0', `o=odd 1 1 IN IP4 ${ADDRESS}`, 's=-', `c=IN IP4 ${ADDRESS}`, 't=0 0'],
        ...[`m=audio ${ports.rtp} RTP/AVP 8 101`, 'a=rtpmap:101 telephone-event/8000', ''],
      ].join('\r\n') + extra,
  }
  const hear = (text: string): void => {
    const at = waiting.findIndex(({ word }) => isMeant(text, word))
    if (at < 0) heard.push(text)
    else waiting.splice(at, 1)[0]!.resolve(text)
  }
  return { call, hear }
}
