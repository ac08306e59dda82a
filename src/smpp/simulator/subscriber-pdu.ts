/**
 * What a subscriber of the simulated carrier sends, as PDUs: deliver_sm (SMPP 3.4 §4.6.1) or data_sm (§4.7.1), cut into
 * parts and joined in any of the four ways, or octets exactly as a test wants them.
 */
import type { Coding } from '../../engine/contract/message.js'
import { Segmenter } from '../../engine/text/segment.js'
import { sourceAddress } from '../address.js'
import { COMMAND, ESM, TAG } from '../constants.js'
import { putTlv } from '../encode.js'

export interface SubscriberMessage {
  from: string
  to: string
  /** Coded as GSM 7-bit, or UCS-2 where that is needed. */
  text?: string
  /** Instead of a text: user data in hexadecimal digits, with whatever header. */
  data?: string
  dataCoding?: number
  esmClass?: number
  /** How parts are joined; default udh. */
  parts?: 'udh' | 'udh16' | 'sar' | 'payload'
  command?: 'deliver_sm' | 'data_sm'
  /** Of the parts; absent: the next one. */
  reference?: number
}

/** A request behind its header. */
export interface SubscriberPdu {
  command: number
  body: Buffer
}

interface Part {
  userData: Buffer
  dataCoding: number
  esmClass: number
  /** [reference, total, part] where sar_* parameters say it. */
  sar: [number, number, number] | null
  inPayload: boolean
}

const AUTO = { ton: 'auto', npi: 'auto', plus: false, maxLength: 64 } as const
const SHORT_MESSAGE_MAX = 254
/** By the number of the coding: gsm7, ucs2, latin1, ascii, binary; nothing of an email or a call comes this way. */
const DATA_CODINGS: Readonly<Record<Coding, number>> = { 0: 0, 1: 8, 2: 3, 3: 1, 4: 4, 5: 4, 6: 4 }

/** @throws RangeError where it cannot be sent. */
export function subscriberPdus(message: SubscriberMessage, nextReference: number): SubscriberPdu[] {
  const { from, to, command = 'deliver_sm' } = message
  const parts = message.data === undefined ? textParts(message, nextReference) : [dataPart(message)]
  const addresses = Buffer.concat([addressBytes(from), addressBytes(to)])
  return parts.map((part) => {
    const isData = command === 'data_sm'
    return {
      command: isData ? COMMAND.dataSm : COMMAND.deliverSm,
      body: isData ? dataBody(addresses, part) : deliverBody(addresses, part),
    }
  })
}

function dataPart({ data = '', dataCoding = 4, esmClass = 0 }: SubscriberMessage): Part {
  if (!/^(?:[0-9a-f]{2})*$/i.test(data)) throw new RangeError('data: pairs of hexadecimal digits')
  return { userData: Buffer.from(data, 'hex'), dataCoding, esmClass, sar: null, inPayload: false }
}

function textParts(message: SubscriberMessage, nextReference: number): Part[] {
  const { text = '', parts: form = 'udh', reference = nextReference } = message
  const cut = new Segmenter({ alphabet: 'gsm7', longMessages: form, maxParts: 32, transliterate: false }).segment(text)
  if (cut.reason !== 0) throw new RangeError('text: empty, or longer than 32 parts')
  const dataCoding = message.dataCoding ?? DATA_CODINGS[cut.coding]
  return Array.from({ length: cut.partCount }, (_, index) => {
    const start = cut.partStarts[index]!
    const body = Buffer.from(cut.bytes.subarray(start, start + cut.partLengths[index]!))
    const hasHeader = cut.partCount > 1 && (form === 'udh' || form === 'udh16')
    const header = hasHeader ? headerOf(form === 'udh16', [reference, cut.partCount, index + 1]) : Buffer.alloc(0)
    return {
      userData: Buffer.concat([header, body]),
      dataCoding,
      esmClass: (message.esmClass ?? 0) | (hasHeader ? ESM.udhi : 0),
      sar: cut.partCount > 1 && form === 'sar' ? [reference, cut.partCount, index + 1] : null,
      inPayload: form === 'payload',
    }
  })
}

/** TS 23.040 §9.2.3.24.1 and .8. */
function headerOf(isWide: boolean, [reference, total, part]: [number, number, number]): Buffer {
  if (isWide) return Buffer.from([6, 8, 4, (reference >> 8) & 255, reference & 255, total, part])
  return Buffer.from([5, 0, 3, reference & 255, total, part])
}

function addressBytes(address: string): Buffer {
  const { ton, npi, digits } = sourceAddress(address, AUTO)
  return Buffer.from([ton, npi, ...Buffer.from(digits, 'latin1'), 0])
}

/** service_type, addresses, esm_class … short_message, parameters. */
function deliverBody(addresses: Buffer, { userData, dataCoding, esmClass, sar, inPayload }: Part): Buffer {
  const isLong = inPayload || userData.length > SHORT_MESSAGE_MAX
  const text = isLong ? Buffer.alloc(0) : userData
  const fields = [0, ...addresses, esmClass, 0, 0, 0, 0, 0, 0, dataCoding, 0, text.length]
  return Buffer.concat([Buffer.from(fields), text, isLong ? payloadOf(userData) : Buffer.alloc(0), sarOf(sar)])
}

/** service_type, addresses, esm_class, registered_delivery, data_coding, parameters. */
function dataBody(addresses: Buffer, { userData, dataCoding, esmClass, sar }: Part): Buffer {
  const fields = [0, ...addresses, esmClass, 0, dataCoding]
  return Buffer.concat([Buffer.from(fields), payloadOf(userData), sarOf(sar)])
}

function payloadOf(userData: Buffer): Buffer {
  const bytes = Buffer.alloc(4)
  putTlv(bytes, 0, TAG.messagePayload, userData.length)
  return Buffer.concat([bytes, userData])
}

function sarOf(sar: [number, number, number] | null): Buffer {
  if (sar === null) return Buffer.alloc(0)
  const [reference, total, part] = sar
  const bytes = Buffer.alloc(16)
  bytes.writeUInt16BE(reference & 0xffff, putTlv(bytes, 0, TAG.sarReference, 2))
  bytes[putTlv(bytes, 6, TAG.sarTotal, 1)] = total
  bytes[putTlv(bytes, 11, TAG.sarSequence, 1)] = part
  return bytes
}

/** Reads a message from JSON. @throws RangeError that says what is wrong. */
export function parseSubscriberMessage(json: string): SubscriberMessage {
  const value = JSON.parse(json) as Record<string, unknown>
  for (const key of ['from', 'to']) if (typeof value[key] !== 'string') throw new RangeError(`${key}: is not a text`)
  if (typeof value.text !== 'string' && typeof value.data !== 'string') throw new RangeError('text or data is missing')
  return value as unknown as SubscriberMessage
}
