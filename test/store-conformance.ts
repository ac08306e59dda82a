/** What every store must do, whatever holds it: run by each implementation's own test. */
import type { Test } from 'tap'
import type { AppendStore, Commit, DispatchQueue, RangeRecord, SealedBlock } from '../src/engine/contract/store.js'

export interface OpenStore {
  append: AppendStore
  dispatch: DispatchQueue
  close(): Promise<void>
}

export interface StoreUnderTest {
  /** Opens (again) what is in `dir`. */
  open(dir: string): OpenStore
  emptyCommit(): Commit
}

export function sealedBlock(block: number, job: number, change: Partial<SealedBlock> = {}): SealedBlock {
  return { block, job, route: 1, dueSeconds: 0, messages: 3, bytes: Buffer.from(`block ${block}`), ...change }
}

export function rangeRecord(range: number, blocks: number[]): RangeRecord {
  return {
    range,
    start: range * 100,
    end: range * 100 + 100,
    lines: 10,
    records: 9,
    skipped: 1,
    expanded: 8,
    rows: 8,
    accepted: 6,
    rejected: 1,
    suppressed: 1,
    parts: 7,
    scheduled: 0,
    blocks,
    rejects: Buffer.from('rejects'),
    run: Buffer.from('run'),
    tally: {
      reasons: { INVALID_NUMBER: 1, SUPPRESSED: 1 },
      kinds: [{ country: 'GB', channel: 'sms', encoding: 'gsm7', partPrice: 35_000, rows: 6, parts: 7 }],
      findings: { NUMBER_REPAIRED: 2 },
    },
  }
}

export function storeConformance(t: Test, name: string, store: StoreUnderTest, dir: () => string): void {
  t.test(`${name}: what was appended is there after it is opened again, blocks and range together`, async (t) => {
    const folder = dir()
    const first = store.open(folder)
    first.append.append({ job: 5, blocks: [sealedBlock(11, 5), sealedBlock(12, 5)], range: rangeRecord(0, [11, 12]) })
    await first.append.appendLater([{ job: 6, blocks: [sealedBlock(13, 6)], range: null }], [])
    await first.close()
    const again = store.open(folder)
    t.teardown(() => again.close())
    t.equal(String(again.append.block(11)), 'block 11')
    t.same([...again.append.ranges(5)], [rangeRecord(0, [11, 12])])
    t.same([...again.append.looseBlocks(6)], [13])
    t.same([...again.append.looseBlocks(5)], [])
    t.equal(again.append.block(99), null)
  })

  t.test(`${name}: blocks are offered by due time, and only those that are due`, async (t) => {
    const opened = store.open(dir())
    t.teardown(() => opened.close())
    const due = [30, 10, 20, 0]
    const blocks = due.map((dueSeconds, index) => sealedBlock(index + 1, 5, { dueSeconds }))
    opened.append.append({ job: 5, blocks: [...blocks, sealedBlock(9, 5, { route: 2 })], range: null })
    t.same(
      opened.dispatch.queued(5, 1, 20, 10).map(({ block }) => block),
      [4, 2, 3],
    )
    t.same(
      opened.dispatch.queued(5, 1, 20, 1).map(({ block }) => block),
      [4],
    )
    t.equal(opened.dispatch.nextDue(5, 1, 20), 30)
    t.equal(opened.dispatch.nextDue(5, 1, 30), Number.POSITIVE_INFINITY)
    t.same(opened.dispatch.routes(5), [1, 2])
    t.equal([...opened.dispatch.queueOf(5)].length, 5)
    t.equal([...opened.dispatch.queueOf(5, 20)].length, 1)
    t.same(opened.dispatch.routes(4), [])
  })

  t.test(`${name}: a commit is whole: claim, log, counts and state appear together and survive`, async (t) => {
    const folder = dir()
    const first = store.open(folder)
    first.append.append({ job: 5, blocks: [sealedBlock(1, 5)], range: null })
    const states = new Float64Array(10).map((_, index) => index)
    const commit = store.emptyCommit()
    commit.log = Buffer.from('batch')
    commit.claimed.push([5, 1, 0, 1])
    commit.opened.push({ block: 1, job: 5 })
    commit.awaiting.push([1_000, 1])
    commit.late.push([2_000, 7])
    commit.counts.set(5, { states, partsSent: 4, sentFinal: 2, canceledUnclaimed: 1 })
    commit.snapshots.push({ block: 1, sequence: 0, encode: () => Buffer.from('state') })
    const sequence = await first.dispatch.commit(commit)
    t.equal(commit.snapshots[0]!.sequence, sequence, 'a snapshot knows what it stands for')
    await first.close()
    const again = store.open(folder)
    t.teardown(() => again.close())
    t.same(again.dispatch.queued(5, 1, 0, 10), [])
    t.same([...again.dispatch.openBlocks()], [1])
    t.same([...again.dispatch.openBlocks(5)], [1])
    t.same([...again.dispatch.openBlocks(6)], [])
    t.same(again.dispatch.overdue(1_000, 10), [[1_000, 1]])
    t.same(again.dispatch.overdue(999, 10), [])
    t.same([...again.dispatch.lateBlocks()], [7])
    t.same(again.dispatch.lateOver(1_999, 10), [])
    t.same(again.dispatch.lateOver(2_000, 10), [[2_000, 7]])
    t.same(again.dispatch.counts(5), { states, partsSent: 4, sentFinal: 2, canceledUnclaimed: 1 })
    t.equal(String(again.dispatch.state(1)), 'state')
    const batches: [number, string][] = []
    again.dispatch.replay((at, batch) => batches.push([at, String(batch)]))
    t.same(batches, [[sequence, 'batch']])
    t.equal(again.dispatch.sequence, sequence)
  })

  t.test(
    `${name}: a truncating commit leaves no log behind, and sequences go on from it after a restart`,
    async (t) => {
      const folder = dir()
      const first = store.open(folder)
      for (let n = 0; n < 3; n++) await first.dispatch.commit({ ...store.emptyCommit(), log: Buffer.from('x') })
      const last = await first.dispatch.commit({ ...store.emptyCommit(), log: Buffer.from('y'), truncate: true })
      await first.close()
      const again = store.open(folder)
      t.teardown(() => again.close())
      again.dispatch.replay(() => t.fail('nothing is left to replay'))
      t.equal(await again.dispatch.commit({ ...store.emptyCommit(), log: Buffer.from('z') }), last + 1)
    },
  )

  t.test(`${name}: discard takes back ranges from one on with their blocks, and may be repeated`, async (t) => {
    const opened = store.open(dir())
    t.teardown(() => opened.close())
    opened.append.append({ job: 5, blocks: [sealedRealBlock(1)], range: rangeRecord(0, [1]) })
    opened.append.append({ job: 5, blocks: [sealedRealBlock(2)], range: rangeRecord(1, [2]) })
    opened.append.discard(5, 1)
    opened.append.discard(5, 1)
    t.same(
      [...opened.append.ranges(5)].map(({ range }) => range),
      [0],
    )
    t.equal(opened.append.block(2), null)
    t.same(
      opened.dispatch.queued(5, 1, 0, 10).map(({ block }) => block),
      [1],
    )
    opened.append.discard(5)
    t.same([...opened.append.ranges(5)], [])
    t.same(opened.dispatch.routes(5), [])
  })

  t.test(`${name}: duplicate marks are kept beside the block`, async (t) => {
    const opened = store.open(dir())
    t.teardown(() => opened.close())
    const bitmap = Buffer.alloc(32, 5)
    opened.append.putMarks([{ block: 3, bitmap }])
    t.same(opened.dispatch.marks(3), bitmap)
    t.equal(opened.append.marks(4), null)
  })
}

/** `discard` finds the queue key by the route in the block's head (offset 20). */
function sealedRealBlock(block: number): SealedBlock {
  const bytes = Buffer.alloc(64)
  bytes.writeUInt32LE(1, 20)
  return sealedBlock(block, 5, { bytes })
}
