/** CPU of the SMPP codec: encoding submit_sm, framing and settling responses, reading receipts; npm smpp beside it. */
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { COMMAND } from '../src/smpp/constants.js'
import { newMessagePdu, readMessagePdu, readUint32 } from '../src/smpp/decode.js'
import { writeSubmitResponse } from '../src/smpp/encode.js'
import { Framer } from '../src/smpp/framer.js'
import { newReceiptFields, ReceiptReader } from '../src/smpp/receipt.js'
import { SubmitEncoder } from '../src/smpp/submit.js'
import { Window } from '../src/smpp/window.js'
import { BufferPool, Writer } from '../src/smpp/writer.js'
import { carrierConfig, outgoing } from '../test/smpp-support.js'
import { type BenchOptions, type BenchRow, rates, roundsOf } from './bench.js'

const TEXT = 'Dear customer, your parcel is on its way and comes today between 9 and 12. '.padEnd(160, 'x')
const RECEIPT = 'id:1234567890 sub:001 dlvrd:001 submit date:2611220900 done date:2611220900 stat:DELIVRD err:000 text:'
const OPERATIONS = 200_000
const NPM_OPERATIONS = 10_000

interface NpmSmpp {
  PDU: new (from: Buffer | string, fields?: object) => { toBuffer(): Buffer }
}

function nowhere(): Writer {
  return new Writer({ write: (_bytes, written) => written() }, new BufferPool(), () => {})
}

function encodeSubmits(): number {
  const encoder = new SubmitEncoder(carrierConfig({ port: 1 }))
  const message = outgoing(1, '447712345678', [TEXT])
  const writer = nowhere()
  for (let n = 0; n < OPERATIONS; n++) {
    writer.reserve(encoder.roomFor(message, 0))
    encoder.write(writer, message, 0, n)
  }
  return OPERATIONS
}

/** A chunk of `count` responses, as one socket read brings them. */
function responses(count: number): Buffer {
  const chunks: Buffer[] = []
  const sink = {
    write(bytes: Uint8Array, written: () => void): void {
      chunks.push(Buffer.from(bytes))
      written()
    },
  }
  const writer = new Writer(sink, new BufferPool(), () => {})
  for (let n = 1; n <= count; n++) writeSubmitResponse(writer, 0, n, String(1_700_000_000_000_000 + n))
  writer.flush()
  return Buffer.concat(chunks)
}

function frameResponses(chunk: Buffer, count: number): number {
  let seen = 0
  const framer = new Framer((bytes, start) => {
    if (readUint32(bytes, start + 4) === COMMAND.submitSmResp) seen++
  })
  for (let n = 0; n < OPERATIONS; n += count) framer.push(chunk, chunk.length)
  return seen
}

function openAndClose(): number {
  const window = new Window(1000)
  for (let n = 0; n < OPERATIONS; n++) {
    const slot = window.open(n, 0, n, 1)
    window.close(window.find(window.sequenceAt(slot)))
  }
  return OPERATIONS
}

function readReceipts(bytes: Buffer): number {
  const pdu = newMessagePdu()
  const fields = newReceiptFields()
  const reader = new ReceiptReader(carrierConfig({ port: 1 }).receipts)
  let delivered = 0
  for (let n = 0; n < OPERATIONS; n++) {
    readMessagePdu(bytes, 0, bytes.length, pdu)
    if (reader.read(bytes, pdu, fields) && fields.code === OUTCOME.delivered) delivered++
  }
  return delivered
}

export async function bench(options: BenchOptions = {}): Promise<BenchRow[]> {
  const { default: smpp } = (await import('smpp' as string)) as { default: NpmSmpp }
  const submit = { source_addr: 'TRUNK', source_addr_ton: 5, destination_addr: '447712345678', short_message: TEXT }
  const chunk = responses(1000)
  const response = chunk.subarray(0, readUint32(chunk, 0))
  const receipt = new smpp.PDU('deliver_sm', { esm_class: 4, short_message: Buffer.from(RECEIPT) }).toBuffer()
  const npm = (run: () => void): (() => number) => {
    return () => {
      for (let n = 0; n < NPM_OPERATIONS; n++) run()
      return NPM_OPERATIONS
    }
  }
  const perSecond = rates(
    {
      'encode submit_sm': encodeSubmits,
      'encode submit_sm, npm smpp': npm(() => void new smpp.PDU('submit_sm', submit).toBuffer()),
      'frame response': () => frameResponses(chunk, 1000),
      'read response, npm smpp': npm(() => void new smpp.PDU(response)),
      'window slot': openAndClose,
      'read receipt': () => readReceipts(receipt),
      'read receipt, npm smpp': npm(() => void new smpp.PDU(receipt)),
    },
    roundsOf(options),
  )
  const row = (name: string, ratioTo?: string): BenchRow => {
    const value = 1e9 / perSecond[name]!
    if (ratioTo === undefined) return { name, value, unit: 'ns' }
    return { name, value, unit: 'ns', ratioTo, ratio: perSecond[name]! / perSecond[ratioTo]! }
  }
  return [
    row('encode submit_sm', 'encode submit_sm, npm smpp'),
    row('encode submit_sm, npm smpp'),
    row('frame response', 'read response, npm smpp'),
    row('read response, npm smpp'),
    row('window slot'),
    row('read receipt', 'read receipt, npm smpp'),
    row('read receipt, npm smpp'),
  ]
}
