/** What opting out costs a message: the gate with nobody and with a million suppressed, the links, and the load at a start. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { NumberFilter } from '../src/engine/base/number-filter.js'
import { DEFAULT_OPT_OUT } from '../src/engine/contract/opt-out.js'
import { KeywordFinder } from '../src/engine/opt-out/keyword-finder.js'
import { SuppressionBook } from '../src/engine/opt-out/suppression-book.js'
import { WayOutText } from '../src/engine/opt-out/way-out.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import { SuppressionCheck, sealReasons } from '../src/engine/store/suppression-table.js'
import { type BenchOptions, type BenchRow, rates, roundsOf } from './bench.js'

const FIRST = 447_400_000_000
const CALLS = 200_000

export async function bench(options: BenchOptions = {}): Promise<BenchRow[]> {
  const suppressed = options.quick ? 1_000 : 1_000_000
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-bench-opt-out-'))
  const environment = openEnvironment(folder)
  try {
    const reason = sealReasons([{ source: 'csv', atMs: 1 }])
    await environment.root.batch(() => {
      for (let n = 0; n < suppressed; n++) environment.suppressions.put([1, FIRST + n * 7], reason)
    })
    const startedMs = performance.now()
    const book = new SuppressionBook({ environment, moved() {} })
    const loadMs = performance.now() - startedMs
    const none = new SuppressionCheck(environment, NumberFilter.sized(0))
    const million = new SuppressionCheck(environment, new NumberFilter(book.filter.buffer))
    const measured = rates(
      {
        'gate, nobody suppressed': () => asked(none, 1),
        'gate, a million suppressed, not this number': () => asked(million, 1),
        'gate, this number is suppressed': () => asked(million, 7, CALLS / 20),
        'text with a sentence to opt out by': () =>
          texts(new WayOutText({ text: DEFAULT_OPT_OUT.text, link: null }, '')),
        'text with a link to opt out by': () => texts(new WayOutText(withLink, '')),
        'is it STOP?': words,
      },
      roundsOf(options),
    )
    const perSecond = Object.entries(measured).map(([name, value]) => ({ name, value, unit: 'messages/s' }))
    return [
      ...perSecond,
      { name: `load of ${suppressed} suppressions at a start`, value: loadMs, unit: 'ms' },
      { name: 'memory of their filter', value: book.filter.buffer.byteLength / 2 ** 20, unit: 'MiB' },
    ]
  } finally {
    await environment.root.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

const withLink = {
  text: DEFAULT_OPT_OUT.linkText,
  link: { url: 'https://m.example', secret: Buffer.alloc(32, 1), account: 1, bySender: false },
}

/** `step` 7: numbers that are in the table; 1 would be too, so those begin beside them. */
function asked(check: SuppressionCheck, step: number, calls = CALLS): number {
  const first = step === 7 ? FIRST : FIRST + 3_000_000_000
  for (let n = 0; n < calls; n++) check.has(1, first + n * step, 'ACME')
  return calls
}

function texts(wayOut: WayOutText): number {
  for (let n = 0; n < CALLS / 20; n++) wayOut.append('Your parcel arrives today.', FIRST + n)
  return CALLS / 20
}

const finder = new KeywordFinder(DEFAULT_OPT_OUT)

function words(): number {
  for (let n = 0; n < CALLS / 20; n++) finder.find(n % 2 === 0 ? 'STOP' : 'Thank you, see you on Monday at nine')
  return CALLS / 20
}
