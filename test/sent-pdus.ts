/** What really goes out for a text: segmented, stored in a block, read again and encoded, as the engine does it. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SmppCarrierConfig } from '../src/engine/config/smpp-carrier.js'
import { blankMessage, messageRef, type OutgoingMessage } from '../src/engine/contract/message.js'
import { textPlan } from '../src/engine/jobs/text-plan.js'
import { PcapWriter, pcapHeader } from '../src/engine/observe/pcap.js'
import { BlockBuilder, BlockReader } from '../src/engine/store/block.js'
import { Segmenter } from '../src/engine/text/segment.js'
import { SubmitEncoder } from '../src/smpp/submit.js'
import { carrierConfig, encoded } from './smpp-support.js'

export const PORT = 2775

export interface SentText {
  text: string
  message: OutgoingMessage
  pdus: Buffer[]
}

let place = 0

/** One carrier's way with texts. */
export class TextSender {
  readonly #segmenter: Segmenter
  readonly #encoder: SubmitEncoder

  constructor(change: Partial<SmppCarrierConfig> = {}) {
    const carrier = carrierConfig({ port: PORT, ...change })
    this.#segmenter = new Segmenter({ ...textPlan([carrier]), maxParts: 32, transliterate: false })
    this.#encoder = new SubmitEncoder(carrier)
  }

  send(text: string): SentText {
    const segmented = this.#segmenter.segment(text)
    if (segmented.reason !== 0) throw new Error(`refused with reason ${segmented.reason}: ${text}`)
    const builder = new BlockBuilder({ job: 1, account: 1, route: 1, from: 'TRUNK', createdSeconds: 1, range: null })
    builder.add({
      channel: 0,
      digits: '447712345678',
      isShortCode: false,
      phone: 0,
      wantsReceipt: true,
      dueSeconds: 0,
      expiresSeconds: 0,
      line: 0,
      offset: 0,
      length: 0,
      ...segmented,
    })
    const message = blankMessage()
    if (!new BlockReader(builder.seal(1).bytes).read(0, message)) throw new Error('the record is corrupt')
    message.ref = messageRef(7 + (place >> 8), place++ & 255)
    const parts = this.#encoder.joinsParts(message) ? 1 : message.partCount
    return { text, message, pdus: Array.from({ length: parts }, (_, part) => this.#encode(message, part)) }
  }

  #encode(message: OutgoingMessage, part: number): Buffer {
    return encoded((writer) => {
      writer.reserve(this.#encoder.roomFor(message, part))
      this.#encoder.write(writer, message, part, part + 1)
    })
  }
}

/** A capture file with one TCP segment a PDU, in the order of `pdus`. */
export function writeCapture(folder: string, pdus: readonly Buffer[]): string {
  const writer = new PcapWriter(PORT)
  const at = 1_700_000_000_000
  const records = pdus.map((octets) => writer.record({ at, connection: 0, direction: 'out', octets }))
  const path = join(folder, 'sent.pcap')
  writeFileSync(path, Buffer.concat([pcapHeader(), ...records]))
  return path
}

/** False where tshark (Debian) is not installed. */
export function hasTshark(): boolean {
  try {
    execFileSync('tshark', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The first value of each of `fields` in each frame of a capture, '' where a frame has none. */
export function dissect(capture: string, fields: readonly string[], options: readonly string[]): string[][] {
  const wanted = fields.flatMap((field) => ['-e', field])
  const preferences = options.flatMap((option) => ['-o', option])
  const output = execFileSync(
    'tshark',
    ['-r', capture, '-d', `tcp.port==${PORT},smpp`, ...preferences, '-T', 'json', ...wanted],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 27 },
  )
  const frames = JSON.parse(output) as { _source: { layers: Record<string, string[]> } }[]
  return frames.map(({ _source: { layers } }) => fields.map((field) => layers[field]?.[0] ?? ''))
}
