/**
 * Public ids: a prefix and the number in Crockford's base 32, zero-padded so that ids sort as numbers do.
 * msg_: message ref (11 digits). job_, imp_, drop_, era_: number of the job, import, dropped file or erasure (8 digits). inb_: number in the list of inbound messages (10 digits).
 */
import type { MessageRef } from './message.js'

const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'
const VALUES = new Map([...DIGITS].map((digit, value) => [digit, value]))

function encode(value: number, width: number): string {
  let text = ''
  let rest = value
  for (let place = 0; place < width; place++) {
    text = DIGITS[rest % 32] + text
    rest = Math.floor(rest / 32)
  }
  return text
}

function decode(text: string, width: number): number | null {
  if (text.length !== width) return null
  let value = 0
  for (const digit of text) {
    const part = VALUES.get(digit)
    if (part === undefined) return null
    value = value * 32 + part
  }
  return Number.isSafeInteger(value) ? value : null
}

export function messageId(ref: MessageRef): string {
  return `msg_${encode(ref, 11)}`
}
/** null: not an id of ours (answered as an unknown one). */
export function parseMessageId(id: string): MessageRef | null {
  return id.startsWith('msg_') ? (decode(id.slice(4), 11) as MessageRef | null) : null
}
export function jobId(job: number): string {
  return `job_${encode(job, 8)}`
}
export function parseJobId(id: string): number | null {
  return id.startsWith('job_') ? decode(id.slice(4), 8) : null
}
export function inboundId(number: number): string {
  return `inb_${encode(number, 10)}`
}
export function parseInboundId(id: string): number | null {
  return id.startsWith('inb_') ? decode(id.slice(4), 10) : null
}
export function importId(number: number): string {
  return `imp_${encode(number, 8)}`
}
export function parseImportId(id: string): number | null {
  return id.startsWith('imp_') ? decode(id.slice(4), 8) : null
}
export function dropId(number: number): string {
  return `drop_${encode(number, 8)}`
}
export function parseDropId(id: string): number | null {
  return id.startsWith('drop_') ? decode(id.slice(5), 8) : null
}
export function erasureId(number: number): string {
  return `era_${encode(number, 8)}`
}
export function parseErasureId(id: string): number | null {
  return id.startsWith('era_') ? decode(id.slice(4), 8) : null
}
