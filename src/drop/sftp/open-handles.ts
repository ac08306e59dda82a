/** What one SFTP channel has open: files that it reads or brings, and folders that it lists. Site thread. */
import type { EntryView } from '../site/account-root.js'
import type { Download } from '../site/download.js'
import { SiteError } from '../site/site-error.js'
import type { SiteSession } from '../site/site-session.js'
import type { Upload } from '../site/upload.js'

export type OpenThing =
  | { kind: 'download'; download: Download; name: string }
  | {
      kind: 'upload'
      upload: Upload
      /** Writes go behind the end, whatever position they name. */
      appends: boolean
      /** What went wrong: the file is not whole and never will be. */
      failure: SiteError | null
    }
  | { kind: 'list'; pages: AsyncGenerator<EntryView[]> }

export class OpenHandles {
  readonly #session: SiteSession
  readonly #max: number
  readonly #things = new Map<number, OpenThing>()
  #next = 1

  constructor(session: SiteSession, max: number) {
    this.#session = session
    this.#max = max
  }

  /** @throws SiteError busy. */
  requireRoom(): void {
    if (this.#things.size < this.#max) return
    throw new SiteError('busy', `So many files and folders are open already: ${this.#max} is the most.`)
  }

  add(thing: OpenThing): number {
    const handle = this.#next++
    this.#things.set(handle, thing)
    return handle
  }

  /** @throws SiteError: there is no such handle. */
  get<Kind extends OpenThing['kind']>(handle: Buffer, kind: Kind): Extract<OpenThing, { kind: Kind }> {
    const thing = this.any(handle)
    if (thing.kind !== kind) throw new SiteError('failed', 'The handle is of something else.')
    return thing as Extract<OpenThing, { kind: Kind }>
  }

  any(handle: Buffer): OpenThing {
    const thing = handle.length === 4 ? this.#things.get(handle.readUInt32BE(0)) : undefined
    if (thing === undefined) throw new SiteError('failed', 'There is no such handle.')
    return thing
  }

  /** An upload is in its place when this resolves. @throws SiteError: and then nothing of it is left. */
  async close(handle: Buffer): Promise<void> {
    const thing = this.any(handle)
    this.#things.delete(handle.readUInt32BE(0))
    if (thing.kind === 'list') await thing.pages.return(undefined)
    else if (thing.kind === 'download') await this.#session.closeDownload(thing.download)
    else if (thing.failure === null) await this.#session.finish(thing.upload)
    else {
      await this.#session.abort(thing.upload)
      throw thing.failure
    }
  }

  /** The channel is gone: what was not closed is not whole. */
  async drop(): Promise<void> {
    for (const thing of this.#things.values()) {
      if (thing.kind === 'upload') await this.#session.abort(thing.upload)
      else if (thing.kind === 'download') await this.#session.closeDownload(thing.download)
      else await thing.pages.return(undefined)
    }
    this.#things.clear()
  }
}
