/** The far ends of bench/rtp.ts, in a process of their own: note when each packet came, and speak back when told to. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

export interface EarsReport {
  streams: number
  packets: number
  /** Missing by sequence number, of all streams. */
  lost: number
  /** Milliseconds beside the pace, of the median and the worst in a thousand packets, and the worst of all. */
  deviationMs: { median: number; p999: number; worst: number }
}

const SOCKETS = 50
const isEchoing = process.argv[2] === 'duplex'
const SAMPLES_PER_MS = 8
/** By SSRC: sequence number, timestamp and arrival of each packet. */
const streams = new Map<number, { sequences: number[]; timestamps: number[]; times: number[] }>()

function heard(socket: Socket, packet: Buffer, from: { port: number; address: string }): void {
  const ssrc = packet.readUInt32BE(8)
  const stream = streams.get(ssrc) ?? { sequences: [], timestamps: [], times: [] }
  streams.set(ssrc, stream)
  stream.sequences.push(packet.readUInt16BE(2))
  stream.timestamps.push(packet.readUInt32BE(4))
  stream.times.push(performance.now())
  if (isEchoing) socket.send(packet, from.port, from.address)
}

/** Each stream beside its own pace: when a packet should come its timestamp says, and the median of all where that began. */
function report(): EarsReport {
  const deviations: number[] = []
  let packets = 0
  let lost = 0
  for (const { sequences, timestamps, times } of streams.values()) {
    const places = sequences.map((sequence) => (sequence - sequences[0]!) & 0xffff)
    const starts = timestamps.map((at, n) => times[n]! - ((at - timestamps[0]!) >>> 0) / SAMPLES_PER_MS)
    const middle = [...starts].sort((a, b) => a - b)[starts.length >> 1]!
    for (const start of starts) deviations.push(Math.abs(start - middle))
    packets += sequences.length
    lost += Math.max(...places) + 1 - sequences.length
  }
  deviations.sort((a, b) => a - b)
  const at = (share: number): number =>
    deviations[Math.min(deviations.length - 1, Math.floor(deviations.length * share))]!
  return { streams: streams.size, packets, lost, deviationMs: { median: at(0.5), p999: at(0.999), worst: at(1) } }
}

const ports: number[] = []
for (let n = 0; n < SOCKETS; n++) {
  const socket = createSocket({
    type: 'udp4',
    lookup: (host: string, _options: unknown, found: (error: null, address: string, family: number) => void) =>
      found(null, host, 4),
  })
  const listening = once(socket, 'listening')
  socket.bind(0, '127.0.4.21')
  await listening
  socket.on('message', (packet, from) => heard(socket, packet, from))
  ports.push(socket.address().port)
}
process.on('message', () => process.send!(report(), () => process.exit(0)))
process.send!(ports)
