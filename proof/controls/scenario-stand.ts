/** What the scenarios stand on: an engine in a process of its own, on a disk under their control, and a simulated carrier. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { silentLog } from '../../src/engine/contract/log.js'
import { Smsc } from '../../src/smpp/simulator/smsc.js'
import type { SmscOptions } from '../../src/smpp/simulator/smsc-options.js'
import type { SmscStats } from '../../src/smpp/simulator/smsc-stats.js'
import { FaultyDisk } from '../../test/disk-faults.js'
import { Child } from '../../test/engine-process.js'

const ENGINE = fileURLToPath(new URL('./scenario-engine.js', import.meta.url))

export class Stand {
  readonly smsc: Smsc
  readonly disk: FaultyDisk
  readonly child: Child
  readonly #folder: string
  /** Of the account `acme`. */
  key = ''

  private constructor(parts: { folder: string; smsc: Smsc; disk: FaultyDisk; child: Child }) {
    this.#folder = parts.folder
    this.smsc = parts.smsc
    this.disk = parts.disk
    this.child = parts.child
  }

  /** `carrier`: its keys beside the address. `cuts`: what is not synced can be taken away. */
  static async start(carrier: object, options: { smsc?: Partial<SmscOptions>; cuts?: boolean } = {}): Promise<Stand> {
    const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-scenario-'))
    const dataDir = path.join(folder, 'data')
    mkdirSync(dataDir)
    const smsc = new Smsc({ host: '127.0.0.1', port: 0, countRepeats: true, ...options.smsc }, silentLog)
    const { port } = await smsc.listen()
    const child = new Child([dataDir, String(port), JSON.stringify(carrier)], ENGINE)
    const stand = new Stand({ folder, smsc, disk: new FaultyDisk(dataDir, folder), child })
    await child.start(undefined, stand.disk.environment(options.cuts === true))
    const { key } = await child.call('POST', '/v1/accounts', child.adminKey, { id: 'acme', defaultCountry: 'GB' })
    stand.key = key as string
    return stand
  }

  /** How long each sync takes from now on. */
  slow(ms: number): void {
    this.disk.set({ syncDelayUs: ms * 1000 })
  }

  call(method: string, route: string, body?: object): Promise<Record<string, unknown>> {
    return this.child.call(method, route, this.key, body)
  }

  /** Until the carrier has seen so much. @throws when the engine ends by itself meanwhile, which nothing here foresees. */
  async seen(test: (stats: SmscStats) => boolean): Promise<void> {
    const ended = this.child.exited.then((code) => {
      throw new Error(`the engine ended by itself, with ${code}`)
    })
    await Promise.race([this.smsc.waitFor(test), ended])
  }

  async kill(): Promise<void> {
    await this.child.end('SIGKILL')
  }

  /** On a disk without faults. False: it does not run. */
  async again(): Promise<boolean> {
    this.disk.set({ syncDelayUs: 0 })
    const started = this.child.start().then(() => true)
    // Its process is a new one as soon as `start` was called.
    return await Promise.race([started, this.child.exited.then(() => false)])
  }

  async close(): Promise<void> {
    const { process: engine } = this.child
    if (engine.exitCode === null && engine.signalCode === null) await this.kill()
    await this.smsc.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
