/**
 * Generated numbers of all plans, read by us and by libphonenumber-js: prints what differs, and fails if anything does.
 *
 *   node build/scripts/compare-numbers.js [how many, 1,000,000] [seed]
 */
import { Random } from '../src/engine/base/random.js'
import { difference, NumberCorpus, parserOf } from '../test/number-corpus.js'

const SHOWN_MOST = 50

const count = Number(process.argv[2] ?? 1_000_000)
const seed = Number(process.argv[3] ?? 20261122)
const corpus = new NumberCorpus(new Random(seed))
let valid = 0
let differences = 0
for (let n = 0; n < count; n++) {
  const written = corpus.next()
  if (parserOf(written.country).parse(written.text).reason === 0) valid++
  const found = difference(written)
  if (found === '') continue
  differences++
  if (differences <= SHOWN_MOST) console.log(found)
}
console.log(`seed ${seed}: ${count} numbers, ${valid} of them valid, ${differences} differences`)
process.exitCode = differences === 0 ? 0 : 1
