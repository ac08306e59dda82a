/**
 * The few PDUs that the simulated carrier reads and writes, in code of its own: what the product's codec gets wrong must not be
 * read wrong here too (SMPP 3.4 §4). A submit carries in its text which row and part it is.
 */

export const COMMAND = {
  submit: 0x04,
  submitResp: 0x80000004,
  deliver: 0x05,
  deliverResp: 0x80000005,
  unbind: 0x06,
  unbindResp: 0x80000006,
  enquire: 0x15,
  enquireResp: 0x80000015,
} as const
const BINDS: ReadonlySet<number> = new Set([0x01, 0x02, 0x09])
const HEAD = 16

/** Row and part, as a text; `#` to `;` are the same in all alphabets that the simulation uses. */
export function markerOf(row: number, part: number): string {
  return `#${row}.${part};`
}

export interface SeenPdu {
  command: number
  status: number
  sequence: number
  /** Of a submit; -1 where there is no marker. */
  row: number
  part: number
  to: string
  from: string
}

export function isBind(command: number): boolean {
  return BINDS.has(command)
}

/** All PDUs of one write, which holds whole ones. @throws Error when it does not. */
export function readPdus(bytes: Uint8Array): SeenPdu[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found: SeenPdu[] = []
  for (let at = 0; at < buffer.length; ) {
    const length = buffer.length - at < HEAD ? 0 : buffer.readUInt32BE(at)
    if (length < HEAD || at + length > buffer.length) throw new Error('a write that is not of whole PDUs')
    found.push(readPdu(buffer.subarray(at, at + length)))
    at += length
  }
  return found
}

function readPdu(bytes: Buffer): SeenPdu {
  const [command, status, sequence] = [bytes.readUInt32BE(4), bytes.readUInt32BE(8), bytes.readUInt32BE(12)]
  const pdu = { command, status, sequence, row: -1, part: -1, to: '', from: '' }
  if (command === COMMAND.submit) readSubmit(bytes, pdu)
  return pdu
}

function readSubmit(bytes: Buffer, pdu: SeenPdu): void {
  let at = bytes.indexOf(0, HEAD) + 3
  const fromEnd = bytes.indexOf(0, at)
  pdu.from = bytes.latin1Slice(at, fromEnd)
  at = fromEnd + 3
  const toEnd = bytes.indexOf(0, at)
  pdu.to = bytes.latin1Slice(at, toEnd)
  at = toEnd + 1
  const hasHeader = (bytes[at]! & 0x40) !== 0
  at = bytes.indexOf(0, bytes.indexOf(0, at + 3) + 1) + 1
  const text = at + 5 + (hasHeader ? bytes[at + 5]! + 1 : 0)
  const [, row, part] = /^#(\d+)\.(\d+);/.exec(bytes.latin1Slice(text, text + 24)) ?? []
  if (row === undefined || part === undefined) return
  pdu.row = Number(row)
  pdu.part = Number(part)
}

function pdu(command: number, status: number, sequence: number, body = ''): Buffer {
  const bytes = Buffer.alloc(HEAD + body.length)
  bytes.writeUInt32BE(bytes.length, 0)
  bytes.writeUInt32BE(command, 4)
  bytes.writeUInt32BE(status, 8)
  bytes.writeUInt32BE(sequence, 12)
  bytes.latin1Write(body, HEAD)
  return bytes
}

export function bindResponse(command: number, status: number, sequence: number): Buffer {
  return pdu((command | 0x80000000) >>> 0, status, sequence, status === 0 ? 'SIM\0' : '')
}
export function submitResponse(status: number, sequence: number, id: string): Buffer {
  return pdu(COMMAND.submitResp, status, sequence, status === 0 ? `${id}\0` : '')
}
export function headerOnly(command: number, sequence: number): Buffer {
  return pdu(command, 0, sequence)
}

export interface ReceiptText {
  id: string
  stat: string
  from: string
  to: string
}

/** deliver_sm with the text of Appendix B. */
export function receipt(sequence: number, { id, stat, from, to }: ReceiptText): Buffer {
  const text = `id:${id} sub:001 dlvrd:001 submit date:2611220900 done date:2611220901 stat:${stat} err:000 text:`
  const addresses = `\0\x01\x01${from}\0\x01\x01${to}\0`
  return pdu(COMMAND.deliver, 0, sequence, `${addresses}\x04\0\0\0\0\0\0\0\0${String.fromCharCode(text.length)}${text}`)
}
