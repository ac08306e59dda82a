/**
 * A carrier on a real socket whose every answer a test scripts, and its own account of what came when: for faults of answers
 * and connections (reliability.md F8, F9, F10, F32). Binds and enquire_link are answered unless the script does so.
 */
import { createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { COMMAND, RESPONSE } from '../src/smpp/constants.js'
import { newMessagePdu, readMessagePdu, readUint32 } from '../src/smpp/decode.js'
import { Framer } from '../src/smpp/framer.js'
import { pduOf } from './smpp-raw.js'

const BINDS: readonly number[] = [COMMAND.bindReceiver, COMMAND.bindTransmitter, COMMAND.bindTransceiver]

export interface Submit {
  session: PeerSession
  sequence: number
  to: string
  text: string
  /** How often this number has come, this time included. */
  times: number
}

export interface PeerPdu {
  command: number
  status: number
  sequence: number
}

/** One connection as the carrier sees it. */
export class PeerSession {
  /** From 1, in the order of connecting. */
  readonly number: number
  readonly socket: Socket
  isOver = false

  constructor(number: number, socket: Socket) {
    this.number = number
    this.socket = socket
  }

  send(command: number, status: number, sequence: number, body: string | Buffer = ''): void {
    if (!this.isOver) this.socket.write(pduOf(command, status, sequence, body))
  }

  /** submit_sm_resp: accepted under this id, or refused. */
  answer(sequence: number, id: string, status = 0): void {
    this.send(COMMAND.submitSmResp, status, sequence, status === 0 ? `${id}\0` : '')
  }

  /** The connection ends, each time in another way: politely, at once, or in the middle of a PDU. */
  cut(kind: Cut, sequence: number): void {
    if (kind === 'mid') this.socket.write(pduOf(COMMAND.submitSmResp, 0, sequence, 'half\0').subarray(0, 9))
    this.isOver = true
    if (kind === 'fin') this.socket.end()
    else if (kind === 'rst') this.socket.resetAndDestroy()
    else this.socket.destroy()
  }
}

export const CUTS = ['fin', 'rst', 'mid'] as const
export type Cut = (typeof CUTS)[number]

export interface PeerScript {
  submit(submit: Submit): void
  /** Everything but submits; true: it was answered. */
  other?(pdu: PeerPdu, session: PeerSession): boolean
  /** A session is bound. */
  bound?(session: PeerSession): void
}

export class ScriptedSmsc {
  readonly port: number
  readonly sessions: PeerSession[]
  /** Number → how often it was submitted. */
  readonly times: Map<string, number>

  private constructor(port: number, parts: Pick<ScriptedSmsc, 'sessions' | 'times'>) {
    this.port = port
    this.sessions = parts.sessions
    this.times = parts.times
  }

  static async listen(t: Test, script: PeerScript): Promise<ScriptedSmsc> {
    const parts = { sessions: [] as PeerSession[], times: new Map<string, number>() }
    const server = createServer({ noDelay: true }, (socket) => {
      const session = new PeerSession(parts.sessions.length + 1, socket)
      parts.sessions.push(session)
      serve(session, script, parts.times)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.5.1', resolve))
    t.teardown(() => {
      for (const { socket } of parts.sessions) socket.destroy()
      server.close()
    })
    return new ScriptedSmsc((server.address() as { port: number }).port, parts)
  }
}

function serve(session: PeerSession, script: PeerScript, times: Map<string, number>): void {
  const message = newMessagePdu()
  const framer = new Framer((bytes, start, end) => {
    if (session.isOver) return
    const command = readUint32(bytes, start + 4)
    const pdu = { command, status: readUint32(bytes, start + 8), sequence: readUint32(bytes, start + 12) }
    if (command === COMMAND.submitSm) {
      readMessagePdu(bytes, start, end, message)
      const { start: from, length } = message.destination
      const to = bytes.latin1Slice(from, from + length)
      const count = (times.get(to) ?? 0) + 1
      times.set(to, count)
      const text = bytes.latin1Slice(message.text.start, message.text.start + message.text.length)
      script.submit({ session, sequence: pdu.sequence, to, text, times: count })
    } else if (script.other?.(pdu, session) !== true) obey(pdu, session, script)
  })
  session.socket.on('error', () => {})
  session.socket.on('close', () => (session.isOver = true))
  session.socket.on('data', (chunk: Buffer) => framer.push(chunk, chunk.length))
}

function obey({ command, sequence }: PeerPdu, session: PeerSession, script: PeerScript): void {
  const answered = (command | RESPONSE) >>> 0
  if (BINDS.includes(command)) {
    session.send(answered, 0, sequence, 'peer\0')
    script.bound?.(session)
  } else if (command === COMMAND.enquireLink) session.send(answered, 0, sequence)
  else if (command === COMMAND.unbind) {
    session.send(answered, 0, sequence)
    session.socket.end()
  }
}

/** Body of a deliver_sm: a receipt where `esmClass` is 4, else a subscriber's message. */
export function deliverBody(from: string, to: string, text: string, esmClass = 4): Buffer {
  const head = Buffer.from(`\0\x01\x01${from}\0\x01\x01${to}\0`, 'latin1')
  const fixed = Buffer.from([esmClass, 0, 0, 0, 0, 0, 0, 0, 0, text.length])
  return Buffer.concat([head, fixed, Buffer.from(text, 'latin1')])
}
