/**
 * Numbers the runs of the process and remembers how they ended: after a run that ended without a drain, nobody knows
 * which answers the carriers still got. In the queue's `meta` table. Dispatcher thread.
 *
 * Record `run`: f64 number of the run · f64 first of the runs in doubt · u8 1 once it was drained.
 */
import type { Note } from '../contract/store.js'
import type { Environment } from './environment.js'

const KEY = 'run'

export class RunMark {
  readonly run: number
  /** First of the runs that ended without a drain, up to this one; the run itself when the last one was drained. */
  readonly doubtFrom: number

  constructor(environment: Environment) {
    const stored = environment.meta.getBinary(KEY)
    const last = stored === undefined ? 0 : stored.readDoubleLE(0)
    this.run = last + 1
    this.doubtFrom = stored === undefined || stored[16] === 1 ? this.run : stored.readDoubleLE(8)
  }

  /** To be committed before anything of this run is answered. */
  begun(): Note {
    return this.#note(false)
  }

  /** To be committed when everything kept was also answered. */
  drained(): Note {
    return this.#note(true)
  }

  #note(isDrained: boolean): Note {
    const value = Buffer.allocUnsafeSlow(17)
    value.writeDoubleLE(this.run, 0)
    value.writeDoubleLE(this.doubtFrom, 8)
    value[16] = isDrained ? 1 : 0
    return { key: KEY, value }
  }
}
