/**
 * Names of dropped files: which the folder leaves alone, under which a file is filed away, and how what lies beside it is
 * called. Names are octets: a file may have one that is no text. Main thread.
 */
import { decodeName, isPartialName } from '../site/drop-names.js'

const NAME_BYTES_MAX = 255
/** Of a suffix like -12 and the longest name of what lies beside. */
const ROOM_BYTES = 32
const DONE = '.done'
/** What office programs and systems leave beside the files that they open or show. */
const BYSTANDERS = ['thumbs.db', 'desktop.ini', 'processed', 'error']

/** What lies beside a file: how it was read and sent, its bad rows, what became of each message, why it was refused. */
export const BESIDE = {
  summary: '.summary.txt',
  rejects: '.rejects.csv',
  report: '.report.csv',
  error: '.error.txt',
} as const
export type BesideKind = keyof typeof BESIDE

/** For people, logs excepted: names may hold numbers. */
export function shownName(name: Uint8Array): string {
  return decodeName(name)
}

/** The same in one line of plain characters. */
export function plainName(name: Uint8Array): string {
  return shownName(name).replace(/\p{C}/gu, '?')
}

/** Never taken for a dropped file: hidden ones, uploads under way, markers, and what programs leave behind. */
export function isLeftAlone(name: Uint8Array): boolean {
  const small = shownName(name).toLowerCase()
  return isPartialName(small) || isMarker(small) || small.startsWith('~$') || BYSTANDERS.includes(small)
}

function isMarker(name: string): boolean {
  return name.endsWith(DONE)
}

/** Says that the file is complete; it goes when the file is taken. */
export function markerOf(name: Uint8Array): Buffer {
  return Buffer.concat([name, Buffer.from(DONE)])
}

/** The `count`th name for a file of this name: clients.csv, clients-2.csv … Shortened where it would be too long. */
export function nthName(name: Uint8Array, count: number): Buffer {
  if (count === 1) return Buffer.from(name)
  const dot = Buffer.from(name).lastIndexOf('.')
  const [stem, end] = dot > 0 ? [name.subarray(0, dot), name.subarray(dot)] : [name, Buffer.alloc(0)]
  const suffix = Buffer.concat([Buffer.from(`-${count}`), end.length < ROOM_BYTES ? end : Buffer.alloc(0)])
  return Buffer.concat([shortened(stem, NAME_BYTES_MAX - suffix.length), suffix])
}

export function besideName(name: Uint8Array, kind: BesideKind): Buffer {
  const end = Buffer.from(BESIDE[kind])
  return Buffer.concat([shortened(name, NAME_BYTES_MAX - end.length), end])
}

/** It is called as what lies beside a file. */
export function isBeside(name: Uint8Array): boolean {
  const text = Buffer.from(name)
  return Object.values(BESIDE).some(
    (end) => text.length > end.length && text.subarray(-end.length).equals(Buffer.from(end)),
  )
}

/** At most so many octets, no character cut in two. */
function shortened(name: Uint8Array, bytes: number): Uint8Array {
  if (name.length <= bytes) return name
  let end = bytes
  while (end > 0 && (name[end]! & 0xc0) === 0x80) end--
  return name.subarray(0, end)
}
