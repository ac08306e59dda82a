/** Writes the replies of an SFTP server (§7). Site thread. */
import type { EntryView, SpaceView } from '../site/account-root.js'
import { ATTRIBUTE, DATA_BYTES_MAX, PACKET_BYTES_MAX, REPLY, type Status, VERSION } from './sftp-constants.js'

const FILE_MODE = 0o100640
const FOLDER_MODE = 0o040750
/** Nobody in particular: who owns the files on the server is not the client's business. */
const OWNER = 1_000
const NAME_BYTES_MAX = 255

/** Extensions that are answered, with their versions. */
const EXTENSIONS: readonly (readonly [string, string])[] = [
  ['posix-rename@openssh.com', '1'],
  ['statvfs@openssh.com', '2'],
  ['fstatvfs@openssh.com', '2'],
  ['fsync@openssh.com', '1'],
  ['lsetstat@openssh.com', '1'],
  ['limits@openssh.com', '1'],
  ['expand-path@openssh.com', '1'],
]

export function versionReply(): Buffer {
  const pairs = EXTENSIONS.flatMap(([name, version]) => [string(name), string(version)])
  return packet(REPLY.version, uint32(VERSION), ...pairs)
}

export function statusReply(id: number, status: Status, text: string): Buffer {
  return packet(REPLY.status, uint32(id), uint32(status), string(text), string('en'))
}

export function handleReply(id: number, handle: number): Buffer {
  return packet(REPLY.handle, uint32(id), string(uint32(handle)))
}

export function dataReply(id: number, octets: Buffer): Buffer {
  return packet(REPLY.data, uint32(id), string(octets))
}

export function attributesReply(id: number, entry: EntryView): Buffer {
  return packet(REPLY.attrs, uint32(id), attributes(entry))
}

/** `owner`: shown in the long names. `nowMs` decides whether they show time or year. */
export function namesReply(id: number, entries: readonly EntryView[], shown: { owner: string; nowMs: number }): Buffer {
  const names = entries.map((entry) => [string(entry.name), string(longName(entry, shown)), attributes(entry)])
  return packet(REPLY.name, uint32(id), uint32(names.length), ...names.flat())
}

/** Of REALPATH: a name whose attributes are of no meaning (§6.11). */
export function pathReply(id: number, path: string): Buffer {
  return packet(REPLY.name, uint32(id), uint32(1), string(path), string(path), uint32(0))
}

export function spaceReply(id: number, { blockBytes, blocks, freeBlocks }: SpaceView): Buffer {
  const none = 0
  const numbers = [blockBytes, blockBytes, blocks, freeBlocks, freeBlocks, none, none, none, none, none, NAME_BYTES_MAX]
  return packet(REPLY.extended, uint32(id), ...numbers.map(uint64))
}

export function limitsReply(id: number, handles: number): Buffer {
  return packet(REPLY.extended, uint32(id), ...[PACKET_BYTES_MAX, DATA_BYTES_MAX, DATA_BYTES_MAX, handles].map(uint64))
}

function attributes({ kind, size, modifiedAtMs }: EntryView): Buffer {
  const isFile = kind === 'file'
  const seconds = uint32(Math.max(0, Math.floor(modifiedAtMs / 1_000)) % 2 ** 32)
  const flags = ATTRIBUTE.size | ATTRIBUTE.owner | ATTRIBUTE.permissions | ATTRIBUTE.times
  const owner = uint32(OWNER)
  const mode = uint32(isFile ? FILE_MODE : FOLDER_MODE)
  return Buffer.concat([uint32(flags), uint64(size), owner, owner, mode, seconds, seconds])
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
/** `ls -l` shows the year of what is older. */
const HALF_YEAR_MS = 182 * 86_400_000

/** A line as `ls -l` writes it, in UTC; both servers show it. */
export function longName(
  { kind, name, size, modifiedAtMs }: EntryView,
  { owner, nowMs }: { owner: string; nowMs: number },
): string {
  const at = new Date(modifiedAtMs)
  const isRecent = nowMs - modifiedAtMs < HALF_YEAR_MS && modifiedAtMs <= nowMs + HALF_YEAR_MS
  const clock = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`
  const time = isRecent ? clock : String(at.getUTCFullYear()).padStart(5)
  const day = String(at.getUTCDate()).padStart(2)
  const mode = kind === 'file' ? '-rw-r-----' : 'drwxr-x---'
  const who = owner.padEnd(8)
  return `${mode} 1 ${who} ${who} ${String(size).padStart(12)} ${MONTHS[at.getUTCMonth()]} ${day} ${time} ${name}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

function packet(type: number, ...fields: Buffer[]): Buffer {
  const length = fields.reduce((sum, field) => sum + field.length, 1)
  return Buffer.concat([uint32(length), Buffer.from([type]), ...fields])
}

function uint32(value: number): Buffer {
  const octets = Buffer.allocUnsafe(4)
  octets.writeUInt32BE(value >>> 0)
  return octets
}

function uint64(value: number): Buffer {
  const octets = Buffer.allocUnsafe(8)
  octets.writeBigUInt64BE(BigInt(value))
  return octets
}

function string(value: string | Buffer): Buffer {
  const octets = typeof value === 'string' ? Buffer.from(value) : value
  return Buffer.concat([uint32(octets.length), octets])
}
