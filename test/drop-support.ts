/** For tests of dropped files: the real engine with a drop folder and a simulated carrier, and files put into it. */
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseConfig } from '../src/engine/config/load.js'
import type { EngineApi, Principal } from '../src/engine/contract/api.js'
import type { DropView } from '../src/engine/contract/drops.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import type { SmscOptions } from '../src/smpp/simulator/smsc-options.js'
import { type RunningServer, startServer } from '../src/start.js'

export const SETTLE_MS = 200
const LOOK_MS = 20

interface Owner {
  teardown(work: () => Promise<void>): void
}

export interface DropOptions {
  smsc?: Partial<SmscOptions>
  /** Keys of dropFolder beside the root; null: the engine has none. */
  drop?: object | null
  /** Beside the simulated one. */
  carriers?: object[]
  /** Further keys of the configuration. */
  config?: object
  /** Of the account `acme`. */
  account?: object
}

export class DropStand {
  readonly folder: string
  readonly smsc: Smsc
  readonly #config: Record<string, unknown>
  server!: RunningServer

  constructor(folder: string, smsc: Smsc, config: Record<string, unknown>) {
    this.folder = folder
    this.smsc = smsc
    this.#config = config
  }

  get engine(): EngineApi {
    return this.server.engine
  }
  get root(): string {
    return path.join(this.folder, 'drop')
  }

  async start(changes: object = {}): Promise<void> {
    const text = JSON.stringify({ ...this.#config, ...changes })
    const config = parseConfig(text, { name: 'test', folder: this.folder, env: {} })
    this.server = await startServer(config, {
      log: silentLog,
      exit: (code) => {
        throw new Error(`the engine stopped with ${code}`)
      },
    })
  }

  path(...names: string[]): string {
    return path.join(this.root, ...names)
  }
  /** As a program does that writes elsewhere and moves what is whole into the folder. */
  put(account: string, name: string, content: string | Buffer): void {
    const whole = path.join(this.folder, 'being-written')
    writeFileSync(whole, content)
    renameSync(whole, this.path(account, name))
  }
  names(account: string, area: '' | 'processed' | 'error' = ''): string[] {
    return readdirSync(this.path(account, area))
      .filter((name) => !['processed', 'error', '.trunkline'].includes(name))
      .sort()
  }
  read(...names: string[]): string {
    return readFileSync(this.path(...names), 'utf8')
  }

  drops(principal: Principal = ADMIN): DropView[] {
    const items: DropView[] = []
    for (let cursor: string | undefined; ; ) {
      const page = this.engine.drops.list(principal, { limit: 200, cursor })
      items.push(...page.items)
      if (page.nextCursor === null) return items
      cursor = page.nextCursor
    }
  }

  /** The newest drop of a file of this name, once it is in one of these states. */
  async drop(file: string, states: readonly string[] = ENDED): Promise<DropView> {
    return await this.until(() => this.drops().find((drop) => drop.file === file && states.includes(drop.state)))
  }

  /** What `find` gives, once it gives something; the time limit of the test ends it. */
  async until<T>(find: () => T | undefined | null | false, lookMs = LOOK_MS): Promise<T> {
    for (;;) {
      const found = find()
      if (found !== undefined && found !== null && found !== false) return found
      await pause(lookMs)
    }
  }
}

export const ADMIN: Principal = { kind: 'admin' }
export const ENDED = ['done', 'canceled', 'failed']

export function principalOf(account: string): Principal {
  return { kind: 'account', account, key: 'test' }
}

/** With an account `acme` whose default profile sends `Hi ~name~` to the column mobile. */
export async function startDrops(t: Owner, options: DropOptions = {}): Promise<DropStand> {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-drop-'))
  const smsc = new Smsc({ host: '127.0.0.1', port: 0, countRepeats: true, ...options.smsc }, silentLog)
  const { port } = await smsc.listen()
  const root = path.join(folder, 'drop')
  const stand = new DropStand(folder, smsc, {
    dataDir: path.join(folder, 'data'),
    http: { port: 0 },
    logLevel: 'silent',
    shutdownSeconds: 5,
    carriers: [{ id: 'sim', protocol: 'smpp', host: '127.0.0.1', port, systemId: 'test' }, ...(options.carriers ?? [])],
    ...(options.drop === null ? {} : { dropFolder: { root, settleMs: SETTLE_MS, scanMs: 1_000, ...options.drop } }),
    ...options.config,
  })
  await stand.start()
  t.teardown(async () => {
    await stand.server.stop()
    await smsc.close()
    rmSync(folder, { recursive: true, force: true })
  })
  await stand.engine.createAccount('acme', { defaultCountry: 'GB', ...options.account })
  await saveDefault(stand, 'acme')
  return stand
}

export async function saveDefault(stand: DropStand, account: string): Promise<void> {
  const settings = { from: 'ACME', text: 'Hi ~name~', columns: { to: 'mobile' } }
  await stand.engine.profiles.put(principalOf(account), 'default', settings)
}

/** `mobile,name`, British mobiles from +447710000000 + `first` up. */
export function clients(rows: number, first = 0): string {
  const lines = ['mobile,name']
  for (let row = first; row < first + rows; row++) lines.push(`+4477${String(10_000_000 + row)},Name${row}`)
  return `${lines.join('\n')}\n`
}
