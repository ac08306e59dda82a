/** How commands print: tables, counts, and a progress line that is redrawn on a terminal and repeated elsewhere. */
import { systemClock } from '../engine/contract/clock.js'

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function printError(text: string): void {
  process.stderr.write(`${text}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value))
}

/** Columns padded to their widest cell; numbers to the right. */
export function table(header: string[], rows: (string | number)[][]): string {
  const cells = [header, ...rows.map((row) => row.map(String))]
  const widths = header.map((_, column) => Math.max(...cells.map((row) => [...(row[column] ?? '')].length)))
  const isNumeric = header.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'))
  return cells
    .map((row) =>
      row
        .map((cell, column) => (isNumeric[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** 12345.6 → "12,346". */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-GB')
}

/** Seconds as "48 s", "3 min 20 s", "2 h 5 min". */
export function duration(seconds: number): string {
  const rounded = Math.max(0, Math.round(seconds))
  if (rounded < 60) return `${rounded} s`
  if (rounded < 3_600) return `${Math.floor(rounded / 60)} min ${rounded % 60} s`
  return `${Math.floor(rounded / 3_600)} h ${Math.floor((rounded % 3_600) / 60)} min`
}

const PLAIN_LINE_MS = 2_000

/** On stderr, so that stdout stays clean for what a script reads. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream
  #shownAt = Number.NEGATIVE_INFINITY
  #shown = ''
  #isOpen = false

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream
  }

  /** Redraws on a terminal; elsewhere at most one line in two seconds, and none that says the same again. */
  show(text: string): void {
    const now = systemClock.monotonic()
    if (this.#stream.isTTY) {
      this.#stream.write(`\r\u001b[2K${text.slice(0, Math.max(20, this.#stream.columns - 1))}`)
      this.#isOpen = true
    } else if (text !== this.#shown && now - this.#shownAt >= PLAIN_LINE_MS) {
      this.#stream.write(`${text}\n`)
      this.#shownAt = now
      this.#shown = text
    }
  }

  /** The last state, on a line of its own. */
  end(text: string): void {
    this.#stream.write(this.#isOpen ? `\r\u001b[2K${text}\n` : `${text}\n`)
    this.#isOpen = false
  }
}
