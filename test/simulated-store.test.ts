/** The store of the simulation is held to what LMDB does: the conformance of every store, and the same answers to random ranges. */
import t from 'tap'
import { Disk, openMemoryStore, type StoreFate } from '../proof/simulate/memory-store.js'
import type { TableKey, TableRange } from '../proof/simulate/memory-table.js'
import { Life, VirtualTime } from '../proof/simulate/virtual-time.js'
import { Random } from '../src/engine/base/random.js'
import { BlockNumbers } from '../src/engine/store/block-numbers.js'
import { DispatchStore, emptyCommit } from '../src/engine/store/dispatch-store.js'
import { type Environment, openEnvironment } from '../src/engine/store/environment.js'
import { LmdbStore } from '../src/engine/store/lmdb-store.js'
import { tempDir } from './dispatch-harness.js'
import { seed } from './seed.js'
import { storeConformance } from './store-conformance.js'

const PROMPT: StoreFate = { commit: () => ({ ms: 1, failure: null }), survivesCrash: () => false }

/** Time that goes on by itself, for tests that wait for the store alone. */
class RunningTime extends VirtualTime {
  override after(ms: number, work: () => void, life: Life | null = null): ReturnType<VirtualTime['after']> {
    const task = super.after(ms, work, life)
    setImmediate(() => this.run(Number.POSITIVE_INFINITY, () => false))
    return task
  }
}

function openMemory(disk: Disk, time: VirtualTime, fate = PROMPT): ReturnType<typeof openMemoryStore> {
  return openMemoryStore(disk, { time, life: new Life(0), fate })
}

const disks = new Map<string, Disk>()
let folders = 0
storeConformance(
  t,
  'in memory',
  {
    open(folder) {
      const disk = disks.get(folder) ?? new Disk()
      disks.set(folder, disk)
      const { environment } = openMemory(disk, new RunningTime(0))
      const append = new LmdbStore(environment, new BlockNumbers({ first: LmdbStore.nextBlock(environment) }))
      return { append, dispatch: new DispatchStore(environment), close: () => Promise.resolve() }
    },
    emptyCommit,
  },
  () => String(folders++),
)

interface AnyTable {
  put(key: TableKey, value: Buffer): unknown
  remove(key: TableKey): unknown
  getBinary(key: TableKey): Buffer | undefined
  getKeys(range: TableRange): Iterable<TableKey>
  getRange(range: TableRange): Iterable<{ key: TableKey; value: Buffer }>
}

const KINDS: Record<string, (random: Random) => TableKey> = {
  blocks: (random) => random.below(40),
  queue: (random) => Array.from({ length: 2 + random.below(3) }, () => random.below(4)),
  meta: (random) => `${'ab'[random.below(2)]}:${random.below(20)}`,
  references: (random) => [random.below(3), `r${random.below(3)}`, random.below(4)],
}

function rangeOf(random: Random, key: () => TableKey): TableRange {
  // Keys are of two elements and more; ranges may name their beginning alone.
  const bound = (of: TableKey): TableKey => (Array.isArray(of) && random.next() < 0.3 ? of.slice(0, 1) : of)
  const [one, other] = [bound(key()), bound(key())]
  const range: TableRange = { reverse: random.next() < 0.3 }
  if (random.next() < 0.7) range.start = one
  if (random.next() < 0.7) range.end = other
  if (random.next() < 0.3) range.limit = 1 + random.below(5)
  if (range.start !== undefined && random.next() < 0.2) range.exclusiveStart = true
  if (range.reverse !== true && random.next() < 0.2 && Array.isArray(range.end)) {
    range.end = [...range.end, Number.POSITIVE_INFINITY]
  }
  return range
}

t.test('random writes and ranges are answered as LMDB answers them', async (t) => {
  const real = openEnvironment(tempDir(t))
  t.teardown(() => real.root.close())
  const { environment: memory } = openMemory(new Disk(), new RunningTime(0))
  const random = new Random(seed)
  for (const [name, keyOf] of Object.entries(KINDS)) {
    const tables = [real, memory].map((one) => one[name as keyof Environment] as unknown as AnyTable)
    for (let round = 0; round < 25; round++) {
      const writes = Array.from({ length: 12 }, () => ({ key: keyOf(random), isRemoved: random.next() < 0.3 }))
      const value = Buffer.from(String(round))
      await Promise.all(
        [real, memory].map(({ root }, index) =>
          root.batch(() => {
            for (const { key, isRemoved } of writes) {
              if (isRemoved) tables[index]!.remove(key)
              else tables[index]!.put(key, value)
            }
          }),
        ),
      )
      real.root.resetReadTxn()
      for (let n = 0; n < 20; n++) {
        const range = rangeOf(random, () => keyOf(random))
        const [one, other] = tables.map((table) =>
          [...table.getRange(range)].map(({ key, value }) => [key, `${value}`]),
        )
        t.same(other, one, `${name} ${JSON.stringify(range)}`)
        const [keys, otherKeys] = tables.map((table) => [...table.getKeys(range)])
        t.same(otherKeys, keys)
      }
    }
  }
})

t.test('what a batch writes is seen when it is durable and not before; a crash takes what is not', async (t) => {
  const disk = new Disk()
  const time = new VirtualTime(0)
  const store = openMemory(disk, time)
  const { blocks, root } = store.environment
  let isDone = false
  const first = root.batch(() => {
    blocks.put(1, Buffer.from('one'))
    blocks.put(2, Buffer.from('two'))
  })
  first.then(() => {
    isDone = true
  })
  t.equal(blocks.getBinary(1), undefined)
  await time.run(10, () => false)
  t.ok(isDone)
  t.equal(String(blocks.getBinary(1)), 'one')
  root.batch(() => {
    blocks.put(3, Buffer.from('three'))
    blocks.remove(1)
  })
  store.crash()
  await time.run(20, () => false)
  const again = openMemory(disk, time)
  t.equal(again.environment.blocks.getBinary(3), undefined)
  t.equal(String(again.environment.blocks.getBinary(1)), 'one', 'all of it or nothing')
})

t.test('a commit that fails says so as LMDB does, and nothing is written after it', async (t) => {
  const time = new VirtualTime(0)
  const fate: StoreFate = { commit: () => ({ ms: 1, failure: { isApplied: false } }), survivesCrash: () => false }
  const { environment } = openMemory(new Disk(), time, fate)
  const failed = environment.root.batch(() => {
    environment.blocks.put(1, Buffer.from('one'))
  })
  const seen = failed.then(
    () => null,
    (error: { commitError?: unknown }) => error.commitError,
  )
  await time.run(10, () => false)
  t.ok((await seen) instanceof Error)
  t.equal(environment.blocks.getBinary(1), undefined)
})
