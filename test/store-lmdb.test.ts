import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { blankMessage, type MessageRef, messageRef, STATES } from '../src/engine/contract/message.js'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { BlockBuilder, BlockReader } from '../src/engine/store/block.js'
import { BlockNumbers } from '../src/engine/store/block-numbers.js'
import { BlockState } from '../src/engine/store/block-state.js'
import { CommitTurn } from '../src/engine/store/commit-turn.js'
import { encodeCounts } from '../src/engine/store/counts-record.js'
import { DispatchStore, emptyCommit } from '../src/engine/store/dispatch-store.js'
import { Documents } from '../src/engine/store/documents.js'
import { blankEntry } from '../src/engine/store/entry.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import { LmdbStore } from '../src/engine/store/lmdb-store.js'
import { decodeRange, encodeRange } from '../src/engine/store/range-record.js'
import { Fingerprint, type Found, ReceiptIndex } from '../src/engine/store/receipt-index.js'
import { ReceiptSegments } from '../src/engine/store/receipt-segments.js'
import { record, tempDir } from './dispatch-harness.js'
import { seed } from './seed.js'
import { rangeRecord, sealedBlock, storeConformance } from './store-conformance.js'

storeConformance(
  t,
  'lmdb',
  {
    open(dir) {
      const environment = openEnvironment(dir)
      const append = new LmdbStore(environment, new BlockNumbers({ first: LmdbStore.nextBlock(environment) }))
      return { append, dispatch: new DispatchStore(environment), close: () => environment.root.close() }
    },
    emptyCommit,
  },
  () => tempDir(t),
)

t.test('a block gives back every record that was put in', async (t) => {
  const random = new Random(seed)
  const builder = new BlockBuilder({ job: 2 ** 40, account: 3, route: 4, from: 'Zoë', createdSeconds: 5, range: 6 })
  const texts: string[] = []
  for (let n = 0; !builder.full; n++) {
    const lengths = Array.from({ length: 1 + random.below(5) }, () => random.below(140))
    const starts = lengths.map((_, index) => lengths.slice(0, index).reduce((sum, length) => sum + length, 0))
    const bytes = Buffer.from(Array.from({ length: 800 }, () => random.below(256)))
    texts.push(lengths.map((length, part) => bytes.toString('hex', starts[part], starts[part]! + length)).join('|'))
    builder.add(
      record(n, {
        bytes,
        partCount: lengths.length,
        partStarts: new Uint32Array(starts),
        partLengths: new Uint16Array(lengths),
      }),
    )
  }
  const reader = new BlockReader(builder.seal(9).bytes)
  t.match(reader, {
    count: 256,
    job: 2 ** 40,
    account: 3,
    route: 4,
    from: 'Zoë',
    createdSeconds: 5,
    range: 6,
    intact: true,
  })
  const message = blankMessage()
  for (let place = 0; place < reader.count; place++) {
    if (!reader.read(place, message)) t.fail(`record ${place} is intact, seed ${seed}`)
    const parts = Array.from({ length: message.partCount }, (_, part) => {
      const start = message.partStarts[part]!
      return message.bytes.toString('hex', start, start + message.partLengths[part]!)
    })
    if (parts.join('|') !== texts[place]) t.fail(`record ${place} comes back as it was, seed ${seed}`)
    if (reader.digits(place) !== String(447_700_000_000 + place)) t.fail('the number comes back')
  }
  t.equal(builder.count, 0, 'the builder is empty again')
})

t.test('a flipped bit anywhere in a block is found, and costs the record it is in or the whole head', async (t) => {
  const random = new Random(seed)
  const builder = new BlockBuilder({ job: 1, account: 1, route: 1, from: 'ME', createdSeconds: 0, range: null })
  for (let n = 0; n < 20; n++) builder.add(record(n))
  const { bytes } = builder.seal(1)
  for (let n = 0; n < 2_000; n++) {
    const bit = random.below(bytes.length * 8)
    bytes[bit >> 3]! ^= 1 << (bit & 7)
    const reader = new BlockReader(bytes)
    const bad = reader.intact
      ? Array.from({ length: 20 }, (_, place) => reader.verified(place)).filter((at) => at < 0).length
      : 1
    if (bad !== 1) t.fail(`bit ${bit}: ${bad} records found bad, seed ${seed}`)
    bytes[bit >> 3]! ^= 1 << (bit & 7)
  }
  t.ok(new BlockReader(bytes).intact)
})

t.test('a range record and a block state come back as they were, and refuse to be read when damaged', async (t) => {
  const range = encodeRange(rangeRecord(3, [1, 2, 2 ** 40]))
  t.same(decodeRange(range), rangeRecord(3, [1, 2, 2 ** 40]))
  range[40]! ^= 4
  t.throws(() => decodeRange(range), { code: 'STORE_CORRUPT' })
  const state = new BlockState(77, { count: 3, job: 8, route: 2 })
  state.parts.fill(1)
  const entry = Object.assign(blankEntry(), { code: OUTCOME.authorised, place: 0, status: 2 })
  state.apply(entry)
  state.apply(
    Object.assign(entry, {
      code: OUTCOME.accepted,
      status: 0,
      id: Buffer.from('abc'),
      idLength: 3,
      atMs: 1_700_000_000_123,
      flags: 1,
    }),
  )
  const bytes = state.encode()
  const again = BlockState.decode(77, bytes)
  t.same([...again.states], [3, 2, 0])
  t.same(again.encode(), bytes)
  bytes[30]! ^= 1
  t.throws(() => BlockState.decode(77, bytes), { code: 'STORE_CORRUPT' })
})

t.test('the receipt index finds every id it was given, in memory and after it went to disk', async (t) => {
  const environment = openEnvironment(tempDir(t))
  t.teardown(() => environment.root.close())
  const index = new ReceiptIndex()
  const segments = new ReceiptSegments(environment)
  const found: Found = { ref: messageRef(0, 0), part: 0, fits: 0, waits: false }
  const nobody = { source: 0, destination: 0 }
  const id = (n: number) => Buffer.from(`id-${n * 7919}`)
  const print = (n: number) => index.fingerprint(1, id(n), 0, id(n).length)
  const COUNT = 20_000
  const entry = (n: number) => ({ ref: messageRef(n, n % 256), part: n % 3, number: 0, waits: true })
  for (let n = 0; n < COUNT; n++) index.insert(print(n), entry(n))
  for (let n = 0; n < COUNT; n += 2) index.settle(print(n), entry(n).ref)
  const chunks = segments.chunks(index)
  environment.root.transactionSync(() => {
    for (const { key, bytes } of chunks) environment.segments.put(key, bytes)
  })
  let wrong = 0
  for (let n = 1; n < COUNT; n += 2) {
    if (!segments.find(print(n), nobody, found) || found.ref !== messageRef(n, n % 256) || found.part !== n % 3) wrong++
  }
  t.equal(wrong, 0)
  t.ok(index.find(print(1), nobody, found), 'the table itself stays as it is')
  t.notOk(segments.find(print(2), nobody, found), 'a settled id is forgotten')
  t.notOk(
    segments.find(index.fingerprint(2, id(1), 0, id(1).length), nobody, found),
    'another carrier’s id is another id',
  )
})

t.test('a table of receipts gives what waits in order, also what had no room at its end', async (t) => {
  const random = new Random(seed)
  for (let round = 0; round < 200; round++) {
    const index = new ReceiptIndex(16)
    const highs: number[] = []
    for (let n = 0, count = 1 + random.below(60); n < count; n++) {
      // Most belong at the very end, where they push each other to the begin.
      const high = random.below(3) === 0 ? random.below(2 ** 32) : 2 ** 32 - 1 - random.below(2 ** 20)
      index.insert(Object.assign(new Fingerprint(), { high, low: n + 1 }), {
        ref: n as MessageRef,
        part: 0,
        number: 0,
        waits: true,
      })
      highs.push(high)
    }
    const seen: number[] = []
    index.eachWaiting(({ high }) => seen.push(high))
    if (
      !t.same(
        seen,
        highs.sort((a, b) => a - b),
        `seed ${seed}, round ${round}`,
      )
    )
      break
  }
})

t.test('a full table forgets the settled and finds all others as before', async (t) => {
  const index = new ReceiptIndex(16)
  const found: Found = { ref: messageRef(0, 0), part: 0, fits: 0, waits: false }
  const nobody = { source: 0, destination: 0 }
  const print = (n: number) => index.fingerprint(1, Buffer.from(`id-${n}`), 0, Buffer.byteLength(`id-${n}`))
  const COUNT = 10_000
  for (let n = 0; n < COUNT; n++) {
    index.insert(print(n), { ref: messageRef(n, 1), part: n % 3, number: n, waits: n % 3 === 0 })
  }
  t.ok(index.forgetSettled())
  t.equal(index.size, Math.ceil(COUNT / 3))
  let wrong = 0
  for (let n = 0; n < COUNT; n++) {
    const isFound = index.find(print(n), nobody, found)
    if (isFound !== (n % 3 === 0) || (isFound && (found.ref !== messageRef(n, 1) || found.part !== n % 3))) wrong++
  }
  t.equal(wrong, 0)
  t.notOk(index.forgetSettled(), 'all wait: there is no room to be made')
  t.equal(index.size, Math.ceil(COUNT / 3))
})

t.test('documents come back in key order, by prefix, page by page, both ways', async (t) => {
  const documents = new Documents(tempDir(t))
  t.teardown(() => documents.close())
  await documents.write([3, 1, 2].map((n) => ({ collection: 'jobs', key: ['a', n], value: { n } })))
  await documents.put('jobs', ['b', 1], { n: 9 })
  await documents.put('other', ['a', 1], { n: 8 })
  const numbers = (query: object) => documents.list<{ n: number }>('jobs', query).map(({ value }) => value.n)
  t.same(numbers({ prefix: ['a'] }), [1, 2, 3])
  t.same(numbers({ prefix: ['a'], reverse: true, limit: 2 }), [3, 2])
  t.same(numbers({ prefix: ['a'], after: ['a', 1] }), [2, 3])
  t.same(numbers({ prefix: ['a'], after: ['a', 3], reverse: true }), [2, 1])
  t.same(numbers({}), [1, 2, 3, 9])
  await documents.remove('jobs', ['a', 2])
  t.same(numbers({ prefix: ['a'] }), [1, 3])
  t.equal(documents.get('jobs', ['a', 2]), null)
})

t.test('others hold back while somebody waits for an append, but a file is appended all the same', async (t) => {
  const environment = openEnvironment(tempDir(t))
  const store = new LmdbStore(environment, new BlockNumbers({ first: 1 }))
  t.teardown(() => store.close())
  const note = { key: 'a', value: Buffer.from('b') }
  const later = store.appendLater([], [note])
  t.equal(new CommitTurn(store.turn.buffer).isUrgent, true, 'every thread sees it')
  await later
  t.equal(store.turn.isUrgent, false)
  store.turn.begin()
  store.append({ job: 1, blocks: [], range: rangeRecord(0, []) })
  t.equal([...store.ranges(1)].length, 1)
  store.turn.end()
})

t.test('what another thread appended in this very turn of the event loop is listed, and is discarded', async (t) => {
  const dir = tempDir(t)
  const environments = [openEnvironment(dir), openEnvironment(dir)]
  const [store, other] = environments.map((environment) => new LmdbStore(environment, new BlockNumbers({ first: 1 })))
  t.teardown(() => Promise.all([store!.close(), other!.close()]))
  t.same([...store!.ranges(1)], [], 'from now on it has a view of its own')
  other!.append({ job: 1, blocks: [sealedBlock(1, 1)], range: rangeRecord(0, [1]) })
  t.same([...store!.ranges(1)], [rangeRecord(0, [1])])
  other!.append({ job: 1, blocks: [sealedBlock(2, 1, { bytes: Buffer.alloc(64) })], range: rangeRecord(1, [2]) })
  store!.discard(1, 1)
  t.same([...other!.ranges(1)], [rangeRecord(0, [1])])
  t.equal(other!.block(2), null)
})

t.test('counts are those of this very moment, though the dispatcher stored them later in this turn', async (t) => {
  const dir = tempDir(t)
  const [store, other] = [openEnvironment(dir), openEnvironment(dir)]
  const reader = new LmdbStore(store, new BlockNumbers({ first: 1 }))
  t.teardown(async () => {
    await reader.close()
    await other.root.close()
  })
  t.equal(reader.counts(1), null, 'from now on it has a view of its own')
  const counts = { states: new Float64Array(STATES.length), partsSent: 3, sentFinal: 0, canceledUnclaimed: 0 }
  other.root.transactionSync(() => {
    other.counts.put(1, encodeCounts(counts))
  })
  t.match(reader.counts(1), { partsSent: 3 })
})

t.test('a process killed while it appends leaves each range with all of its blocks, or with none', async (t) => {
  const dir = tempDir(t)
  let blocks = 0
  for (let kill = 0; kill < 3; kill++) {
    const child = fork(fileURLToPath(new URL('./append-until-killed.js', import.meta.url)), [dir], { execArgv: [] })
    await new Promise<void>((resolve) => {
      child.on('message', (appended: number) => {
        if (appended >= 40 + kill * 13) resolve()
      })
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
    const environment = openEnvironment(dir)
    const store = new LmdbStore(environment, new BlockNumbers({ first: LmdbStore.nextBlock(environment) }))
    const listed = [...store.ranges(1)].flatMap((range) => range.blocks)
    const queued = [...new DispatchStore(environment).queueOf(1)].map(({ key }) => key[3]!)
    t.ok(listed.length > blocks, 'it went on where it was killed')
    t.same([...queued].sort(byNumber), [...listed].sort(byNumber), 'each listed block is queued, and no other')
    t.ok(listed.every((block) => new BlockReader(store.block(block)!).intact))
    blocks = listed.length
    await environment.root.close()
  }
})

function byNumber(a: number, b: number): number {
  return a - b
}
