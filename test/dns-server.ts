/** A name server over UDP (RFC 1035, SRV: RFC 2782) with the records of a test, which may change while it runs. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Test } from 'tap'

export type DnsRecord =
  | { type: 'A'; address: string }
  | { type: 'SRV'; priority: number; weight: number; port: number; target: string }

export interface DnsServer {
  /** `127.0.3.4:12345` */
  readonly address: string
  /** By name in lower case. */
  records: Record<string, readonly DnsRecord[]>
  /** 2: SERVFAIL to everything. */
  failsWith: number
  /** Questions so far, `SRV _sip._udp.x`. */
  readonly asked: string[]
}

const TYPES = { A: 1, SRV: 33 } as const
const NXDOMAIN = 3

export async function startDns(t: Test, records: DnsServer['records']): Promise<DnsServer> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.3.4')
  await once(socket, 'listening')
  t.teardown(() => new Promise<void>((resolve) => socket.close(() => resolve())))
  const server: DnsServer = { address: `127.0.3.4:${socket.address().port}`, records, failsWith: 0, asked: [] }
  socket.on('message', (query, from) => socket.send(answerTo(query, server), from.port, from.address))
  return server
}

function answerTo(query: Buffer, server: DnsServer): Buffer {
  const { name, end } = nameAt(query, 12)
  const type = query.readUInt16BE(end)
  const typeName = Object.entries(TYPES).find(([, number]) => number === type)?.[0] ?? String(type)
  server.asked.push(`${typeName} ${name}`)
  const known = server.records[name.toLowerCase()]
  const answers = (known ?? []).filter((record) => TYPES[record.type] === type)
  const code = server.failsWith || (known === undefined ? NXDOMAIN : 0)
  const head = Buffer.alloc(12)
  query.copy(head, 0, 0, 2)
  head.writeUInt16BE(0x8180 | code, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(code === 0 ? answers.length : 0, 6)
  const question = query.subarray(12, end + 4)
  return Buffer.concat([head, question, ...(code === 0 ? answers.map(written) : [])])
}

function nameAt(query: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = []
  let at = start
  while (query[at]! > 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!))
    at += 1 + query[at]!
  }
  return { name: labels.join('.'), end: at + 1 }
}

function written(record: DnsRecord): Buffer {
  const data = record.type === 'A' ? Buffer.from(record.address.split('.').map(Number)) : serviceData(record)
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(TYPES[record.type], 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(30, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

function serviceData({ priority, weight, port, target }: Extract<DnsRecord, { type: 'SRV' }>): Buffer {
  const head = Buffer.alloc(6)
  head.writeUInt16BE(priority, 0)
  head.writeUInt16BE(weight, 2)
  head.writeUInt16BE(port, 4)
  const labels = target.split('.').filter((label) => label !== '')
  const name = labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)]))
  return Buffer.concat([head, ...name, Buffer.from([0])])
}
