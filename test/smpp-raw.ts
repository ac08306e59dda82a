/** A carrier made of octets, for tests: a TCP or TLS server that frames what comes in and answers what it is told to. */
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import type { Test } from 'tap'
import { COMMAND, RESPONSE } from '../src/smpp/constants.js'
import { readUint32 } from '../src/smpp/decode.js'
import { Framer } from '../src/smpp/framer.js'

export interface RawPdu {
  command: number
  status: number
  sequence: number
  /** The whole PDU. */
  bytes: Buffer
}

export interface RawOptions {
  /** Answers a bind; absent: ESME_ROK and a system_id. */
  onBind?(pdu: RawPdu, socket: Socket): void
  /** Answers an unbind; absent: unbind_resp and the end of the connection. */
  onUnbind?(pdu: RawPdu, socket: Socket): void
  tls?: TlsOptions
}

const BINDS: readonly number[] = [COMMAND.bindReceiver, COMMAND.bindTransmitter, COMMAND.bindTransceiver]

export function pduOf(command: number, status: number, sequence: number, body: string | Buffer = ''): Buffer {
  const tail = typeof body === 'string' ? Buffer.from(body, 'latin1') : body
  const head = Buffer.alloc(16)
  for (const [index, value] of [16 + tail.length, command, status, sequence].entries()) {
    head.writeUInt32BE(value >>> 0, index * 4)
  }
  return Buffer.concat([head, tail])
}

/** The response to a request with this status and body. */
export function responseTo(pdu: RawPdu, status: number, body: string | Buffer = ''): Buffer {
  return pduOf((pdu.command | RESPONSE) >>> 0, status, pdu.sequence, body)
}

export async function listen(t: Test, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as { port: number }).port
}

/** `onPdu` gets everything but binds and unbinds. Gives the port. */
export function rawCarrier(
  t: Test,
  onPdu: (pdu: RawPdu, socket: Socket) => void,
  options: RawOptions = {},
): Promise<number> {
  const onSocket = (socket: Socket): void => {
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    const framer = new Framer((bytes, start, end) => {
      const pdu = {
        command: readUint32(bytes, start + 4),
        status: readUint32(bytes, start + 8),
        sequence: readUint32(bytes, start + 12),
        bytes: Buffer.from(bytes.subarray(start, end)),
      }
      if (BINDS.includes(pdu.command)) bound(pdu, socket)
      else if (pdu.command === COMMAND.unbind) unbound(pdu, socket)
      else onPdu(pdu, socket)
    })
    socket.on('data', (chunk: Buffer) => framer.push(chunk, chunk.length))
  }
  const bound = options.onBind ?? ((pdu, socket) => socket.write(responseTo(pdu, 0, 'raw\0')))
  const unbound = options.onUnbind ?? ((pdu, socket) => socket.end(responseTo(pdu, 0)))
  const { tls } = options
  return listen(t, tls === undefined ? createServer(onSocket) : createTlsServer(tls, onSocket))
}
