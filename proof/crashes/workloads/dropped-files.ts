/** Files that come into the drop folder: put there by a rename, or uploaded by SFTP. Each is sent once and filed away. */
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import ssh2, { type SFTPWrapper } from 'ssh2'
import type { DropView } from '../../../src/engine/contract/drops.js'
import type { CrashStand } from '../crash-stand.js'
import type { Workload } from '../workload.js'

const ROWS = 3
const LOOK_MS = 25
const HOST = '127.0.3.1'

abstract class Files implements Workload {
  protected readonly stand: CrashStand
  readonly #root: string
  readonly #prefix: string
  protected readonly files: { name: string; content: string }[] = []

  /** `root`: of the account's folder. */
  constructor(stand: CrashStand, root: string, prefix: string) {
    this.stand = stand
    this.#root = root
    this.#prefix = prefix
  }

  abstract step(): Promise<void>

  /** Each file was taken once, and came to its end: only then is every row of it a message. */
  async settle(): Promise<void> {
    for (const { name } of this.files) await this.#ended(name)
  }

  protected path(...names: string[]): string {
    return path.join(this.#root, ...names)
  }

  protected make(): { name: string; content: string } {
    const { messages } = this.stand
    const markers = Array.from({ length: ROWS }, () => messages.take())
    const rows = markers.map((marker) => `${messages.to(marker)},${messages.text(marker)}`)
    const name = `${this.#prefix}-${String(this.files.length).padStart(3, '0')}.csv`
    const file = { name, content: ['mobile,text', ...rows, ''].join('\n') }
    for (const marker of markers) messages.accepted(marker)
    this.files.push(file)
    return file
  }

  /** Each lies in processed/ with its report, and has one job that delivered all. */
  async check(): Promise<string[]> {
    const problems: string[] = []
    for (const { name } of this.files) {
      const drop = await this.#ended(name)
      if (drop.state !== 'done' || drop.delivered !== ROWS) problems.push(`${name} is ${drop.state}: ${drop.delivered}`)
      for (const beside of ['', '.report.csv', '.summary.txt']) {
        if (!existsSync(this.path('processed', name + beside))) problems.push(`${name}${beside} is missing`)
      }
    }
    const left = readdirSync(this.path()).filter((name) => name.startsWith(this.#prefix))
    if (left.length > 0) problems.push(`left in the folder: ${left.join(', ')}`)
    return problems
  }

  async #ended(name: string): Promise<DropView> {
    for (;;) {
      const drops = await this.stand.client.all<DropView>('/v1/drops')
      const own = drops.filter(({ file, state }) => file === name && state === 'done')
      if (own.length > 1) throw new Error(`${name} was taken ${own.length} times`)
      if (own.length === 1) return own[0]!
      await pause(LOOK_MS * 4)
    }
  }
}

/** Renamed into the folder, as whole files are dropped. */
export class DroppedFiles extends Files {
  async step(): Promise<void> {
    if (!existsSync(this.path('processed'))) return await pause(LOOK_MS)
    const { name, content } = this.make()
    writeFileSync(this.path('.being-written'), content)
    renameSync(this.path('.being-written'), this.path(name))
    for (let look = 0; look < 40 && this.stand.engine.isRunning; look++) {
      if (existsSync(this.path('processed', name))) return
      await pause(LOOK_MS)
    }
  }
}

export interface SftpLogin {
  port: number
  username: string
  privateKey: string
}

/** A client that uploads a file again until its end was confirmed. */
export class UploadedFiles extends Files {
  readonly #login: SftpLogin
  #open: { name: string; content: string } | null = null

  constructor(stand: CrashStand, root: string, login: SftpLogin) {
    super(stand, root, 'sftp')
    this.#login = login
  }

  async step(): Promise<void> {
    this.#open ??= this.make()
    if (await this.#upload(this.#open)) this.#open = null
    else await pause(LOOK_MS)
  }

  override async settle(): Promise<void> {
    while (this.#open !== null) await this.step()
    await super.settle()
  }

  /** False: the connection broke off before the end was confirmed. */
  #upload({ name, content }: { name: string; content: string }): Promise<boolean> {
    return new Promise((resolve) => {
      const client = new ssh2.Client()
      const end = (isDone: boolean): void => {
        client.destroy()
        resolve(isDone)
      }
      client.on('error', () => end(false))
      client.on('close', () => end(false))
      client.on('ready', () => {
        client.sftp((error, sftp) => (error ? end(false) : write(sftp, { name, content }, end)))
      })
      client.connect({ host: HOST, ...this.#login })
    })
  }
}

function write(
  sftp: SFTPWrapper,
  { name, content }: { name: string; content: string },
  end: (isDone: boolean) => void,
): void {
  sftp.open(name, 'w', (noFile, handle) => {
    if (noFile) return end(false)
    const octets = Buffer.from(content)
    sftp.write(handle, octets, 0, octets.length, 0, (unwritten) => {
      if (unwritten) return end(false)
      sftp.close(handle, (unclosed) => end(!unclosed))
    })
  })
}
