/** `trunkline trace`: PDUs or SIP messages of a live carrier as they pass, a line each, or into a capture file. */
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ApiClient } from './client.js'
import {
  type Command,
  clientHelp,
  clientOptions,
  numberOption,
  type OptionTable,
  readArguments,
  targetOf,
  textOption,
  UsageError,
  untilInterrupted,
} from './command.js'
import { print, printError } from './output.js'

const options: OptionTable = {
  ...clientOptions,
  carrier: { type: 'string' },
  number: { type: 'string' },
  bind: { type: 'string' },
  count: { type: 'string' },
  text: { type: 'boolean' },
  pcap: { type: 'string' },
}

export const trace: Command = {
  help: `Usage: trunkline trace --carrier ID [options]

Shows PDUs, or SIP messages, until Ctrl-C. Needs the admin key. The words of messages are masked unless --text is given, and
so are numbers and names in SIP; passwords, and answers to a challenge, always are. A viewer that is too slow misses PDUs,
and is told how many: nothing waits for it.

  --carrier ID     whose PDUs
  --number N       only PDUs from or to this number, and their answers; its last digits are enough
  --bind N         only this bind, or gateway (from 0)
  --count N        end after so many PDUs
  --text           show the words of messages; SIP messages whole
  --pcap FILE      write a capture file that Wireshark opens, instead of lines (addresses in it are made up)
${clientHelp}

Examples:
  trunkline trace --carrier acme --number 447712345678
  trunkline trace --carrier acme --pcap acme.pcap`,

  async run(argv) {
    const { values } = readArguments(argv, options, 0)
    const carrier = textOption(values, 'carrier')
    if (carrier === undefined) throw new UsageError('--carrier is missing: trunkline carriers lists them')
    const query = new URLSearchParams()
    const number = textOption(values, 'number')
    if (number !== undefined) query.set('number', number)
    const bind = numberOption(values, 'bind')
    if (bind !== undefined) query.set('bind', String(bind))
    if (values.text === true) query.set('text', 'true')
    const file = textOption(values, 'pcap')
    if (file !== undefined) query.set('format', 'pcap')
    const ending = untilInterrupted()
    const client = new ApiClient(targetOf(values))
    const pieces = client.stream(`/v1/carriers/${encodeURIComponent(carrier)}/trace?${query}`, ending.signal)
    if (file !== undefined) {
      await capture(pieces, file)
      return 0
    }
    const countMax = numberOption(values, 'count', 1) ?? Number.POSITIVE_INFINITY
    await show(pieces, { countMax, isJson: values.json === true, end: () => ending.abort() })
    return 0
  },
}

async function capture(pieces: AsyncIterable<Buffer>, file: string): Promise<void> {
  printError(`writing to ${file} until Ctrl-C`)
  await pipeline(Readable.from(pieces), createWriteStream(file))
}

interface Shown {
  countMax: number
  isJson: boolean
  end(): void
}

async function show(pieces: AsyncIterable<Buffer>, { countMax, isJson, end }: Shown): Promise<void> {
  let count = 0
  for await (const line of linesOf(pieces)) {
    const item = JSON.parse(line) as TraceLine
    if (isJson) print(line)
    else if (item.dropped !== undefined) printError(`${item.dropped} PDUs were missed`)
    else if (item.watching === true) printError(`watching ${item.carrier}; Ctrl-C ends it`)
    else if (item.pdu !== undefined) print(written(item))
    if (item.pdu !== undefined && ++count >= countMax) {
      end()
      return
    }
  }
}

interface TraceLine {
  carrier?: string
  watching?: boolean
  dropped?: number
  at?: string
  bind?: number
  direction?: 'in' | 'out'
  pdu?: Record<string, unknown>
}

/** 12:00:01.250 0 → submit_sm 17 source=5:0:ACME destination=1:1:447712345678 … */
function written({ at, bind, direction, pdu }: TraceLine): string {
  const { command, sequence, status, statusName, length: _length, message, ...fields } = pdu!
  const result = statusName ?? (status === 0 || status === undefined ? [] : `status=${status}`)
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${writtenValue(value)}`)
  const arrow = direction === 'out' ? '→' : '←'
  const line = [at!.slice(11, 23), bind, arrow, command, sequence].concat(result as string, rest).join(' ')
  return typeof message === 'string' ? `${line}\n${indented(message)}` : line
}

/** A whole SIP message below its line; nothing in it moves the cursor of a terminal. */
function indented(message: string): string {
  const lines = message.trimEnd().split(/\r?\n/)
  return lines.map((line) => `    ${line.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '?')}`).join('\n')
}

function writtenValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writtenValue).join(' ')}]`
  if (typeof value === 'object' && value !== null) {
    return Object.values(value).map(writtenValue).join(':')
  }
  return typeof value === 'string' && /[\s"]|^$/.test(value) ? JSON.stringify(value) : String(value)
}

async function* linesOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n')
    rest = lines.pop()!
    for (const line of lines) if (line !== '') yield line
  }
}
