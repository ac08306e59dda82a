/**
 * Files what was dropped: into processed/ or error/ under a name that nobody else has, with what lies beside it. Each step
 * may be begun again after a kill. Main thread.
 */
import { crashPoint } from '../../engine/base/crash-point.js'
import type { DropArea, DropKeeper, DropRecord } from '../../engine/contract/drop-keeper.js'
import type { DropError } from '../../engine/contract/drops.js'
import { EngineError } from '../../engine/contract/errors.js'
import { dropId } from '../../engine/contract/ids.js'
import type { OpenFolder } from '../site/open-folder.js'
import type { Claims } from './claims.js'
import { BESIDE, type BesideKind, besideName, isBeside, nthName } from './dropped-names.js'
import { look, movedAlone, pathIn, within, writeWhole } from './folder-files.js'
import { errorText, summaryText } from './texts.js'

const BESIDES: Readonly<Record<DropArea, readonly BesideKind[]>> = {
  processed: ['summary', 'rejects', 'report'],
  error: ['error', 'rejects'],
}
const UTC = 'UTC'

/** A report of more rows takes longer than anybody should wait for the file to be filed away. */
const SHORT_ROWS = 10_000

type Pieces = AsyncIterable<string | Buffer> | Iterable<string | Buffer>

export class Filing {
  readonly #keeper: DropKeeper
  readonly #claims: Claims
  readonly #signal: AbortSignal

  /** `signal` ends the writing of long files. */
  constructor(keeper: DropKeeper, claims: Claims, signal: AbortSignal) {
    this.#keeper = keeper
    this.#claims = claims
    this.#signal = signal
  }

  /** Moves the claimed file; its place is durable before, so that a second try goes on with the same. */
  async move(root: OpenFolder, { drop }: DropRecord, area: DropArea): Promise<DropRecord> {
    let record = this.#keeper.get(drop)
    await within(root, area, async (folder) => {
      for (;;) {
        if (record.place?.area !== area) record = await this.#choose(folder, record, area)
        crashPoint('drop-placed')
        const { name } = record.place!
        const isMoved = await this.#claims.inClaim(root, record.claim, (claim) =>
          movedAlone({ from: pathIn(claim, record.name), to: pathIn(folder, name), token: dropId(drop) }),
        )
        // No claim any more: it was moved before.
        if (isMoved !== false) break
        record = { ...record, place: null }
      }
      await folder.sync()
    })
    crashPoint('drop-moved')
    return record
  }

  async #choose(folder: OpenFolder, record: DropRecord, area: DropArea): Promise<DropRecord> {
    // What is called as a report would be is filed away under another name: the report of another file may come to lie there.
    const first = isBeside(record.name) ? 2 : 1
    for (let count = first; ; count++) {
      const name = nthName(record.name, count)
      if (await isFree(folder, name, area)) return await this.#keeper.update(record.drop, { place: { area, name } })
    }
  }

  /** Beside a file in error/: why, and the rejected rows, if it was read that far. Gives the text. */
  async explain(root: OpenFolder, record: DropRecord, error: DropError): Promise<string> {
    const view = this.#keeper.view(record.drop)
    if (view.rejected + view.suppressed + view.duplicate > 0) {
      await this.#beside(root, record, 'rejects', this.#keeper.rejects(record.drop))
    }
    const text = errorText(record, error, view, this.#zone(record))
    await this.#beside(root, record, 'error', [text])
    return text
  }

  /** Beside a file in processed/: how it was read, and what became of it so far. */
  async summarise(root: OpenFolder, record: DropRecord): Promise<void> {
    await this.#beside(root, record, 'summary', [this.summary(record)])
  }
  summary(record: DropRecord): string {
    const stored = record.place?.name ?? record.name
    return summaryText(record, this.#keeper.view(record.drop), stored, this.#zone(record))
  }

  async rejects(root: OpenFolder, record: DropRecord): Promise<void> {
    const view = this.#keeper.view(record.drop)
    if (view.rejected + view.suppressed + view.duplicate === 0) return
    await this.#beside(root, record, 'rejects', this.#keeper.rejects(record.drop))
  }

  /** Before a file counts as filed away: its first report, if that takes no time; else `firstReport` has to follow. */
  async shortReport(root: OpenFolder, record: DropRecord): Promise<void> {
    if (this.#keeper.view(record.drop).accepted <= SHORT_ROWS) await this.report(root, record)
  }

  /** Unless it lies there already. */
  async firstReport(root: OpenFolder, record: DropRecord): Promise<void> {
    const { area, name } = record.place!
    const facts = await within(root, area, (folder) => look(folder, besideName(name, 'report')))
    if (facts === null) await this.report(root, record)
  }

  /** Beside a file in processed/: what became of each message so far. */
  async report(root: OpenFolder, record: DropRecord): Promise<void> {
    await this.#beside(root, record, 'report', this.#keeper.report(record.drop))
  }

  async #beside(root: OpenFolder, record: DropRecord, kind: BesideKind, pieces: Pieces): Promise<void> {
    const { area, name } = record.place!
    const temporary = `${dropId(record.drop)}${BESIDE[kind]}`
    await this.#claims.inWork(root, 'out', (work) =>
      within(root, area, (folder) =>
        writeWhole({ work, temporary, folder, name: besideName(name, kind) }, this.#whileRunning(pieces)),
      ),
    )
  }

  async *#whileRunning(pieces: Pieces): AsyncGenerator<string | Buffer> {
    for await (const piece of pieces) {
      if (this.#signal.aborted) throw new EngineError('SHUTTING_DOWN', 'The engine is stopping.')
      yield piece
    }
  }

  #zone({ account }: DropRecord): string {
    return this.#keeper.account(account)?.timeZone ?? UTC
  }
}

/** Neither the name nor one beside it is taken. */
async function isFree(folder: OpenFolder, name: Uint8Array, area: DropArea): Promise<boolean> {
  const names = [name, ...BESIDES[area].map((kind) => besideName(name, kind))]
  for (const one of names) if ((await look(folder, one)) !== null) return false
  return true
}
