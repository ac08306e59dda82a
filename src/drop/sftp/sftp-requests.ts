/**
 * Answers the requests of SFTP version 3, one handler per type (draft-ietf-secsh-filexfer-02 §6), over the session's virtual
 * root. Site thread.
 */
import type { Clock } from '../../engine/contract/clock.js'
import { pathOf, pathSteps } from '../site/drop-names.js'
import { asSiteError, SiteError, type SiteRefusal } from '../site/site-error.js'
import type { SiteSession } from '../site/site-session.js'
import { OpenHandles, type OpenThing } from './open-handles.js'
import { BadPacket, PacketFields } from './packet-fields.js'
import { DATA_BYTES_MAX, OPEN, REQUEST, STATUS, type Status } from './sftp-constants.js'
import {
  attributesReply,
  dataReply,
  handleReply,
  limitsReply,
  namesReply,
  pathReply,
  spaceReply,
  statusReply,
  versionReply,
} from './sftp-replies.js'

const STATUS_OF: Readonly<Record<SiteRefusal, Status>> = {
  notFound: STATUS.noSuchFile,
  denied: STATUS.permissionDenied,
  badName: STATUS.permissionDenied,
  exists: STATUS.failure,
  notEmpty: STATUS.failure,
  tooLarge: STATUS.failure,
  noSpace: STATUS.failure,
  busy: STATUS.failure,
  failed: STATUS.failure,
}
const NO_LINKS = 'There are no links here.'

type Handler = (id: number, fields: PacketFields) => Promise<Buffer>

export interface SftpTerms {
  clock: Clock
  handles: number
}

export class SftpRequests {
  readonly #session: SiteSession
  readonly #terms: SftpTerms
  readonly #handles: OpenHandles
  #hasBegun = false

  constructor(session: SiteSession, terms: SftpTerms) {
    this.#session = session
    this.#terms = terms
    this.#handles = new OpenHandles(session, terms.handles)
  }

  /** The reply to one packet, which begins with its type; null: this is no SFTP, and the channel ends. Never throws. */
  async answer(packet: Buffer): Promise<Buffer | null> {
    this.#session.touch()
    const type = packet[0]!
    if (!this.#hasBegun) {
      this.#hasBegun = true
      return type === REQUEST.init && packet.length >= 5 ? versionReply() : null
    }
    if (packet.length < 5) return null
    const id = packet.readUInt32BE(1)
    const handler = this.#handlers[type]
    if (handler === undefined) return statusReply(id, STATUS.unsupported, 'This request is not known here.')
    try {
      return await handler(id, new PacketFields(packet, 5))
    } catch (error) {
      if (error instanceof BadPacket) return statusReply(id, STATUS.badMessage, `Bad message: ${error.message}.`)
      const { refusal, message } = asSiteError(error)
      return statusReply(id, STATUS_OF[refusal], message)
    }
  }

  /** The channel is closed. */
  async drop(): Promise<void> {
    await this.#handles.drop()
  }

  readonly #handlers: Readonly<Record<number, Handler>> = {
    [REQUEST.open]: async (id, fields) => {
      const path = fields.path()
      const flags = fields.uint32()
      return handleReply(id, this.#handles.add(await this.#open(path, flags)))
    },
    [REQUEST.close]: async (id, fields) => {
      await this.#handles.close(fields.octets())
      return ok(id)
    },
    [REQUEST.read]: async (id, fields) => {
      const thing = this.#handles.any(fields.octets())
      const position = fields.uint64()
      const length = Math.min(fields.uint32(), DATA_BYTES_MAX)
      if (thing.kind === 'list') throw new SiteError('failed', 'That is a folder.')
      const file = thing.kind === 'upload' ? thing.upload : thing.download
      const octets = await file.read(position, length)
      return octets.length === 0 && length > 0 ? end(id) : dataReply(id, octets)
    },
    [REQUEST.write]: async (id, fields) => {
      const thing = this.#handles.any(fields.octets())
      const position = fields.uint64()
      if (thing.kind !== 'upload') throw new SiteError('denied', 'The file is open for reading only.')
      await this.#write(thing, position, fields.octets())
      return ok(id)
    },
    [REQUEST.stat]: async (id, fields) => attributesReply(id, await this.#session.stat(fields.path())),
    [REQUEST.lstat]: async (id, fields) => attributesReply(id, await this.#session.stat(fields.path())),
    [REQUEST.fstat]: async (id, fields) => this.#statHandle(id, this.#handles.any(fields.octets())),
    [REQUEST.setstat]: async (id, fields) => await this.#setPath(id, fields),
    [REQUEST.fsetstat]: async (id, fields) => {
      const thing = this.#handles.any(fields.octets())
      const { size } = fields.attributes()
      if (size !== undefined && thing.kind !== 'upload')
        throw new SiteError('denied', 'The file is open for reading only.')
      if (size !== undefined && thing.kind === 'upload') await guarded(thing, () => thing.upload.truncate(size))
      // Times and rights are the server's own: taken and left aside, as clients set them after each upload.
      return ok(id)
    },
    [REQUEST.opendir]: async (id, fields) => {
      const path = fields.path()
      this.#handles.requireRoom()
      const { kind } = await this.#session.stat(path)
      if (kind !== 'folder') throw new SiteError('notFound', 'That is no folder.')
      return handleReply(id, this.#handles.add({ kind: 'list', pages: this.#session.list(path) }))
    },
    [REQUEST.readdir]: async (id, fields) => {
      const { pages } = this.#handles.get(fields.octets(), 'list')
      for await (const entries of rest(pages)) {
        if (entries.length > 0) return namesReply(id, entries, this.#shown)
      }
      return end(id)
    },
    [REQUEST.remove]: async (id, fields) => {
      await this.#session.remove(fields.path())
      return ok(id)
    },
    [REQUEST.mkdir]: async (id, fields) => {
      await this.#session.makeFolder(fields.path())
      return ok(id)
    },
    [REQUEST.rmdir]: async (id, fields) => {
      await this.#session.removeFolder(fields.path())
      return ok(id)
    },
    [REQUEST.realpath]: async (id, fields) => pathReply(id, pathOf(pathSteps(fields.path()))),
    // Version 3: never over a file that is there.
    [REQUEST.rename]: async (id, fields) => await this.#rename(id, fields, false),
    [REQUEST.readlink]: async () => {
      throw new SiteError('denied', NO_LINKS)
    },
    [REQUEST.symlink]: async () => {
      throw new SiteError('denied', NO_LINKS)
    },
    [REQUEST.extended]: async (id, fields) => {
      const name = fields.text()
      const handler = this.#extensions.get(name)
      return handler === undefined ? statusReply(id, STATUS.unsupported, 'Not known here.') : await handler(id, fields)
    },
  }

  readonly #extensions: ReadonlyMap<string, Handler> = new Map<string, Handler>([
    ['posix-rename@openssh.com', async (id, fields) => await this.#rename(id, fields, true)],
    ['statvfs@openssh.com', async (id) => spaceReply(id, await this.#session.space())],
    ['fstatvfs@openssh.com', async (id) => spaceReply(id, await this.#session.space())],
    ['limits@openssh.com', async (id) => limitsReply(id, this.#terms.handles)],
    ['lsetstat@openssh.com', async (id, fields) => await this.#setPath(id, fields)],
    [
      'fsync@openssh.com',
      async (id, fields) => {
        const thing = this.#handles.any(fields.octets())
        if (thing.kind === 'upload') await guarded(thing, () => thing.upload.sync())
        return ok(id)
      },
    ],
    [
      'expand-path@openssh.com',
      async (id, fields) => pathReply(id, pathOf(pathSteps(fields.path().replace(/^~(\/|$)/, '/')))),
    ],
  ])

  get #shown(): { owner: string; nowMs: number } {
    return { owner: this.#session.grant.username, nowMs: this.#terms.clock.now() }
  }

  async #open(path: string, flags: number): Promise<OpenThing> {
    this.#handles.requireRoom()
    const name = pathSteps(path).at(-1) ?? '/'
    if ((flags & OPEN.write) === 0 && (flags & OPEN.append) === 0) {
      return { kind: 'download', download: await this.#session.download(path), name }
    }
    // Without the flag only a file that is there may be opened.
    if ((flags & OPEN.create) === 0) await this.#session.stat(path)
    const exclusive = (flags & OPEN.create) !== 0 && (flags & OPEN.exclusive) !== 0
    const upload = await this.#session.upload(path, { exclusive, keep: (flags & OPEN.truncate) === 0 })
    return { kind: 'upload', upload, appends: (flags & OPEN.append) !== 0, failure: null }
  }

  async #write(thing: Extract<OpenThing, { kind: 'upload' }>, position: number, octets: Buffer): Promise<void> {
    const { upload, appends } = thing
    await guarded(thing, () => this.#session.write(upload, appends ? upload.size : position, octets))
  }

  #statHandle(id: number, thing: OpenThing): Buffer {
    if (thing.kind === 'list') {
      return attributesReply(id, { name: '', kind: 'folder', size: 0, modifiedAtMs: this.#terms.clock.now() })
    }
    if (thing.kind === 'upload') {
      const { name, size } = thing.upload
      return attributesReply(id, { name, kind: 'file', size, modifiedAtMs: this.#terms.clock.now() })
    }
    const { size, modifiedAtMs } = thing.download
    return attributesReply(id, { name: thing.name, kind: 'file', size, modifiedAtMs })
  }

  async #setPath(id: number, fields: PacketFields): Promise<Buffer> {
    const path = fields.path()
    const { size } = fields.attributes()
    const entry = await this.#session.stat(path)
    if (size !== undefined && size !== entry.size) throw new SiteError('denied', 'A file that is complete is not cut.')
    return ok(id)
  }

  async #rename(id: number, fields: PacketFields, replace: boolean): Promise<Buffer> {
    const path = fields.path()
    await this.#session.rename(path, fields.path(), replace)
    return ok(id)
  }
}

/** What could not be written makes the whole file a failure, which its close will say. */
async function guarded(thing: Extract<OpenThing, { kind: 'upload' }>, work: () => Promise<void>): Promise<void> {
  if (thing.failure !== null) throw thing.failure
  try {
    await work()
  } catch (error) {
    thing.failure = asSiteError(error)
    throw thing.failure
  }
}

/** `for await` over a generator that goes on later: leaving the loop must not end it. */
async function* rest<T>(pages: AsyncGenerator<T>): AsyncGenerator<T> {
  for (let page = await pages.next(); !page.done; page = await pages.next()) yield page.value
}

function ok(id: number): Buffer {
  return statusReply(id, STATUS.ok, 'Done.')
}

function end(id: number): Buffer {
  return statusReply(id, STATUS.endOfFile, 'End.')
}
