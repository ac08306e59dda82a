/**
 * Cuts the bytes of a control connection into commands: a verb, a space, an argument, CR LF (RFC 959 §4.1.3 and §5.3).
 *
 * What Telnet mixes in (RFC 959 §4.1.3: IAC IP, IAC DM before ABOR; RFC 854) is taken out at the head of a line. An argument
 * is UTF-8 (RFC 2640 §2.2); what is not valid UTF-8 is read as Windows-1252, which old clients send. A line that is too long
 * is dropped up to its end and reported once. Site thread.
 */

export interface CommandLine {
  /** In capitals; '' where the line has no verb or is too long. */
  verb: string
  /** Everything behind the first space, unchanged: names may begin and end with spaces. */
  argument: string
  isTooLong: boolean
}

/** Of a command: a path of names with 255 octets each, some folders deep. */
const LINE_BYTES_MAX = 4_096
const LF = 10
const CR = 13
const IAC = 255
/** Telnet commands begin here (RFC 854: 240 to 254). */
const TELNET_MIN = 240
const TELNET_WILL = 251

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const windows1252 = new TextDecoder('windows-1252')

export class CommandReader {
  #rest: Buffer = Buffer.alloc(0)
  #isSkipping = false

  /** Whether bytes of an incomplete line are held. */
  get hasRest(): boolean {
    return this.#isSkipping || this.#rest.length > 0
  }

  /** The commands that are complete with this chunk, in order. */
  push(chunk: Buffer): CommandLine[] {
    const lines: CommandLine[] = []
    let start = 0
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      const line = this.#finish(chunk.subarray(start, end))
      if (line !== null) lines.push(line)
      start = end + 1
    }
    this.#keep(chunk.subarray(start))
    if (!this.#isSkipping && this.#rest.length > LINE_BYTES_MAX) {
      this.#isSkipping = true
      this.#rest = Buffer.alloc(0)
      lines.push({ verb: '', argument: '', isTooLong: true })
    }
    return lines
  }

  #keep(tail: Buffer): void {
    if (this.#isSkipping || tail.length === 0) return
    this.#rest = this.#rest.length === 0 ? Buffer.from(tail) : Buffer.concat([this.#rest, tail])
  }

  #finish(tail: Buffer): CommandLine | null {
    if (this.#isSkipping) {
      this.#isSkipping = false
      return null
    }
    const line = this.#rest.length === 0 ? tail : Buffer.concat([this.#rest, tail])
    this.#rest = Buffer.alloc(0)
    if (line.length > LINE_BYTES_MAX) return { verb: '', argument: '', isTooLong: true }
    return parseCommand(line.at(-1) === CR ? line.subarray(0, -1) : line)
  }
}

/** One line without its end. */
export function parseCommand(line: Buffer): CommandLine {
  const text = decode(withoutTelnet(line))
  const match = /^([A-Za-z]{1,16})(?: (.*))?$/s.exec(text)
  if (match === null) return { verb: '', argument: text, isTooLong: false }
  return { verb: match[1]!.toUpperCase(), argument: match[2] ?? '', isTooLong: false }
}

/** The urgent octet of "IAC DM" never arrives in the stream, so that a lone telnet command may stand there as well. */
function withoutTelnet(line: Buffer): Buffer {
  let start = 0
  while (start < line.length && line[start]! >= TELNET_MIN) {
    const next = line[start + 1]
    if (line[start] === IAC && next !== undefined && next >= TELNET_WILL && next < IAC) start += 3
    else start += 1
  }
  return line.subarray(start)
}

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes)
  } catch {
    return windows1252.decode(bytes)
  }
}
