/**
 * The older conversations: sorted segments in LMDB, never changed, looked through from the newest. A segment whose locks
 * have all run out for a day is dropped.
 *
 * Key [segment, 0]: f64 until when its last lock holds (epoch ms), then u32 key of the first entry of each chunk. Key [segment,
 * n]: chunk n, see talk.ts.
 */
import { limits } from '../contract/limits.js'
import type { Environment } from './environment.js'
import { ChunkCutter, chunkFor, entryFor, firstsOf } from './sorted-chunks.js'
import {
  blankTalk,
  type Forgotten,
  lockedUntil,
  readTalk,
  TALK_BYTES,
  TALK_SHAPE,
  type TalkLook,
  talkKey,
} from './talk.js'
import type { TalkTable } from './talk-table.js'

const UNTIL_BYTES = 8

interface Segment {
  number: number
  untilMs: number
  firsts: Uint32Array
}

export interface SegmentPut {
  key: number[]
  bytes: Buffer
}

export class TalkSegments {
  readonly #environment: Environment
  /** From the oldest. */
  #segments: Segment[] = []
  #next = 1
  readonly #talk = blankTalk()

  constructor(environment: Environment) {
    this.#environment = environment
  }

  get count(): number {
    return this.#segments.length
  }

  /** At start: which there are. */
  load(): void {
    const { talkSegments } = this.#environment
    for (let from = 0; ; ) {
      const [key] = [...talkSegments.getKeys({ start: [from, 0], limit: 1 })]
      if (key === undefined) return
      const number = key[0]!
      const head = talkSegments.getBinary([number, 0])
      if (head !== undefined) this.#segments.push({ number, ...readHead(head) })
      from = number + 1
      this.#next = from
    }
  }

  /** A new segment with all of the table that may still matter, to be put in the next commit. */
  spill(table: TalkTable, nowMs: number): SegmentPut[] {
    const cutter = new ChunkCutter(TALK_SHAPE)
    let untilMs = 0
    table.each((talk) => {
      const lockMs = lockedUntil(talk)
      if (lockMs + limits.talkKeptMs <= nowMs) return
      untilMs = Math.max(untilMs, lockMs)
      const at = cutter.next()
      const { bytes } = cutter
      bytes.writeDoubleLE(talk.sender, at)
      bytes.writeDoubleLE(talk.recipient, at + 8)
      bytes.writeDoubleLE(talk.ref, at + 16)
      bytes.writeDoubleLE(talk.sentMs, at + 24)
      bytes.writeUInt32LE(talk.account, at + 32)
      bytes.writeUInt32LE(talk.lockSeconds, at + 36)
    })
    const chunks = cutter.finish()
    if (chunks.length === 0) return []
    const segment = { number: this.#next++, untilMs, firsts: firstsOf(chunks, TALK_SHAPE) }
    this.#segments.push(segment)
    const puts = chunks.map((bytes, index) => ({ key: [segment.number, index + 1], bytes }))
    return [{ key: [segment.number, 0], bytes: writeHead(segment) }, ...puts]
  }

  /** Keys of segments that nobody asks for any more; they are forgotten at once. */
  outdated(nowMs: number): number[][] {
    const old = this.#segments.filter(({ untilMs }) => untilMs + limits.talkKeptMs <= nowMs)
    if (old.length === 0) return []
    this.#segments = this.#segments.filter((segment) => !old.includes(segment))
    return old.flatMap(({ number, firsts }) => [[number, 0], ...Array.from(firsts, (_, index) => [number, index + 1])])
  }

  /** Chunks without these conversations, in place of those that have them. */
  forget(isForgotten: Forgotten): SegmentPut[] {
    const puts: SegmentPut[] = []
    for (const { key, value } of this.#environment.talkSegments.getRange({ snapshot: false })) {
      const [segment, chunk] = key as [number, number]
      if (chunk === 0) continue
      const put = withoutTalks({ key: [segment, chunk], bytes: value }, isForgotten)
      if (put.bytes.length < value.length) puts.push(put)
    }
    return puts
  }

  /** In the newest segment that has the pair. */
  find(look: TalkLook): void {
    for (let place = this.#segments.length - 1; place >= 0 && look.rank === 0; place--) {
      this.#findIn(this.#segments[place]!, look)
    }
  }

  #findIn({ number, firsts }: Segment, look: TalkLook): void {
    for (let chunk = chunkFor(firsts, look.key); chunk < firsts.length && firsts[chunk]! <= look.key; chunk++) {
      const bytes = this.#environment.talkSegments.getBinaryFast([number, chunk + 1])
      // Not committed yet: the table that it was made from is still asked.
      if (bytes === undefined) continue
      this.#findInChunk(bytes, look)
    }
  }

  #findInChunk(bytes: Buffer, look: TalkLook): void {
    for (let at = entryFor(bytes, TALK_SHAPE, look.key); at < bytes.length; at += TALK_BYTES) {
      readTalk(bytes, at, this.#talk)
      if (talkKey(this.#talk.sender, this.#talk.recipient) !== look.key) return
      look.offer(this.#talk)
    }
  }
}

/** A chunk without these conversations; it may be empty then. */
export function withoutTalks({ key, bytes }: SegmentPut, isForgotten: Forgotten): SegmentPut {
  const talk = blankTalk()
  const kept: Buffer[] = []
  for (let at = 0; at < bytes.length; at += TALK_BYTES) {
    readTalk(bytes, at, talk)
    if (!isForgotten(talk.recipient, talk.account)) kept.push(bytes.subarray(at, at + TALK_BYTES))
  }
  return { key, bytes: Buffer.concat(kept) }
}

function writeHead({ untilMs, firsts }: Segment): Buffer {
  const bytes = Buffer.allocUnsafeSlow(UNTIL_BYTES + firsts.length * 4)
  bytes.writeDoubleLE(untilMs, 0)
  for (const [index, first] of firsts.entries()) bytes.writeUInt32LE(first, UNTIL_BYTES + index * 4)
  return bytes
}

function readHead(bytes: Buffer): Pick<Segment, 'untilMs' | 'firsts'> {
  const firsts = new Uint32Array((bytes.length - UNTIL_BYTES) / 4)
  for (let index = 0; index < firsts.length; index++) firsts[index] = bytes.readUInt32LE(UNTIL_BYTES + index * 4)
  return { untilMs: bytes.readDoubleLE(0), firsts }
}
