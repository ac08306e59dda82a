/**
 * What a call says, as the one part of its record: the play list with every label filled, recordings by the SHA-256 of
 * their sound, so that a recording which is replaced later changes nothing that was accepted.
 *
 * Layout (little endian): 0 u8 octets of the language · 1 u8 items of the closing · 2 language (ASCII) · then one entry an
 * item: u8 kind, u16 length, so many octets: text UTF-8, recording 32 octets, pause u32 milliseconds.
 */
import { limits } from '../contract/limits.js'

/** `recording`: 64 hexadecimal digits. */
export type SpokenItem = { text: string } | { recording: string } | { pauseMs: number }

export interface SpeechBody {
  /** BCP 47, such as en-GB; '' = as the configuration says. */
  language: string
  items: readonly SpokenItem[]
  /**
   * So many of the last items are the way out ("press 9 …"). Who hangs up when it begins has heard the message: they do not
   * count in the percentage heard. Absent: 0.
   */
  closing?: number
}

const LANGUAGE_AT = 2
const KIND = { text: 0, recording: 1, pause: 2 } as const
const HEAD_BYTES = 3

/** null: more than limits.speechBytes. */
export function packSpeech({ language, items, closing = 0 }: SpeechBody): Buffer | null {
  const pieces: Buffer[] = [Buffer.from([language.length, closing]), Buffer.from(language, 'latin1')]
  for (const item of items) {
    const content = contentOf(item)
    if (content.length > 0xffff) return null
    const head = Buffer.allocUnsafe(HEAD_BYTES)
    head[0] = 'text' in item ? KIND.text : 'recording' in item ? KIND.recording : KIND.pause
    head.writeUInt16LE(content.length, 1)
    pieces.push(head, content)
  }
  const bytes = Buffer.concat(pieces)
  return bytes.length > limits.speechBytes ? null : bytes
}

function contentOf(item: SpokenItem): Buffer {
  if ('text' in item) return Buffer.from(item.text, 'utf8')
  if ('recording' in item) return Buffer.from(item.recording, 'hex')
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32LE(item.pauseMs)
  return bytes
}

/** Of a record that is whole. */
export function unpackSpeech(bytes: Buffer, start: number, end: number): SpeechBody {
  const languageEnd = start + LANGUAGE_AT + bytes[start]!
  const items: SpokenItem[] = []
  let at = languageEnd
  while (at < end) {
    const from = at + HEAD_BYTES
    const to = from + bytes.readUInt16LE(at + 1)
    items.push(itemOf(bytes[at]!, bytes.subarray(from, to)))
    at = to
  }
  const language = bytes.toString('latin1', start + LANGUAGE_AT, languageEnd)
  return { language, items, closing: bytes[start + 1]! }
}

function itemOf(kind: number, content: Buffer): SpokenItem {
  if (kind === KIND.text) return { text: content.toString('utf8') }
  if (kind === KIND.recording) return { recording: content.toString('hex') }
  return { pauseMs: content.readUInt32LE(0) }
}

/** Words alone: recordings and pauses are left out. */
export function spokenText(items: readonly SpokenItem[]): string {
  return items.flatMap((item) => ('text' in item ? [item.text.trim()] : [])).join(' ')
}
