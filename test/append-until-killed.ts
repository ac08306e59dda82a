/** Child process of store-lmdb.test: appends ranges of three blocks for ever and says how many are durable. */
import { BlockBuilder } from '../src/engine/store/block.js'
import { BlockNumbers } from '../src/engine/store/block-numbers.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import { LmdbStore } from '../src/engine/store/lmdb-store.js'
import { record } from './dispatch-harness.js'
import { rangeRecord } from './store-conformance.js'

const environment = openEnvironment(process.argv[2]!)
const store = new LmdbStore(environment, new BlockNumbers({ first: LmdbStore.nextBlock(environment) }))
const from = [...store.ranges(1)].length
const builder = new BlockBuilder({ job: 1, account: 1, route: 1, from: 'X', createdSeconds: 0, range: 0 })

function appendNext(range: number): void {
  const blocks = [0, 1, 2].map(() => {
    for (let n = 0; n < 100; n++) builder.add(record(n))
    return builder.seal(store.numbers.take())
  })
  store.append({
    job: 1,
    blocks,
    range: rangeRecord(
      range,
      blocks.map(({ block }) => block),
    ),
  })
  process.send?.(range - from + 1)
  setImmediate(() => appendNext(range + 1))
}
appendNext(from)
