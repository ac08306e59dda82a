/**
 * A folder as clients read it: LIST as `ls -l` prints it, which every client takes apart; NLST; facts for MLSD and MLST
 * (RFC 3659 §7). Times are UTC. Site thread.
 */
import { oneLine } from './reply.js'

/** What a listing says of one file or folder. */
export interface ListedEntry {
  name: string
  isFolder: boolean
  size: number
  /** Epoch milliseconds. */
  modifiedAt: number
  /** Facts of RFC 3659 §7.5.5: what the log-in may do with it. */
  perm: string
}

export type Fact = 'type' | 'size' | 'modify' | 'perm'
export const facts: readonly Fact[] = ['type', 'size', 'modify', 'perm']

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
/** Older than about half a year: the year stands in the place of the time, as `ls` has it. */
const RECENT_MS = 182 * 86_400_000
const DAY_MS = 86_400_000

/** One line of LIST with its end. `nowMs` decides between time and year. */
export function listLine(entry: ListedEntry, nowMs: number): string {
  const mode = entry.isFolder ? 'drwxrwx---' : '-rw-rw----'
  const size = String(entry.size).padStart(12)
  return `${mode}   1 ftp      ftp      ${size} ${listTime(entry.modifiedAt, nowMs)} ${oneLine(entry.name)}\r\n`
}

function listTime(atMs: number, nowMs: number): string {
  const at = new Date(atMs)
  const day = `${months[at.getUTCMonth()]} ${String(at.getUTCDate()).padStart(2)}`
  const isRecent = atMs > nowMs - RECENT_MS && atMs < nowMs + DAY_MS
  if (!isRecent) return `${day}  ${at.getUTCFullYear()}`
  return `${day} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`
}

/** `type=file;size=12;modify=20261122154700;perm=adfrw; name`: one line of MLSD or MLST, without its end. */
export function factLine(entry: ListedEntry, chosen: readonly Fact[], type: string): string {
  const values: Record<Fact, string | null> = {
    type,
    size: entry.isFolder ? null : String(entry.size),
    modify: timeValue(entry.modifiedAt),
    perm: entry.perm,
  }
  const text = facts.filter((fact) => chosen.includes(fact) && values[fact] !== null).map((f) => `${f}=${values[f]};`)
  return `${text.join('')} ${oneLine(entry.name)}`
}

/** `YYYYMMDDHHMMSS` in UTC (RFC 3659 §2.3). */
export function timeValue(atMs: number): string {
  return new Date(atMs).toISOString().replace(/[-:T]/g, '').slice(0, 14)
}

/** Epoch milliseconds of `YYYYMMDDHHMMSS[.sss]`; null: no such time. */
export function parseTimeValue(text: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?$/.exec(text)
  if (match === null) return null
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const atMs = Date.UTC(year, month - 1, day, hour, minute, second)
  return timeValue(atMs) === match.slice(1).join('') ? atMs : null
}

function two(number: number): string {
  return String(number).padStart(2, '0')
}
