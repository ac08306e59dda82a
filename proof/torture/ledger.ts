/**
 * What a party of the torture saw, written down by itself: append-only, one JSON object a line. Times are microseconds of
 * the machine's monotonic clock, the same for all processes on it, so that ledgers can be held against each other.
 */
import { closeSync, createReadStream, existsSync, openSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'

const WRITE_CHARACTERS = 64 * 1024

/** Microseconds since the machine started. */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

export class LedgerWriter {
  readonly path: string
  readonly #file: number
  #text = ''
  #isOpen = true

  constructor(path: string) {
    this.path = path
    this.#file = openSync(path, 'a')
  }

  /** Of what happens often: it is in the file after `flush`. */
  write(entry: object): void {
    if (!this.#isOpen) return
    this.#text += `${JSON.stringify(entry)}\n`
    if (this.#text.length >= WRITE_CHARACTERS) this.flush()
  }

  /** Of intents, which must be known whatever becomes of them: in the file on return. */
  writeNow(entry: object): void {
    this.write(entry)
    this.flush()
  }

  flush(): void {
    if (this.#text === '' || !this.#isOpen) return
    writeSync(this.#file, this.#text)
    this.#text = ''
  }

  close(): void {
    if (!this.#isOpen) return
    this.flush()
    this.#isOpen = false
    closeSync(this.#file)
  }
}

/** Entry by entry; none where there is no such file. A line without its end is still being written and left out. */
export async function* readLedger<T>(path: string): AsyncIterable<T> {
  if (!existsSync(path)) return
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.endsWith('}')) yield JSON.parse(line) as T
  }
}
