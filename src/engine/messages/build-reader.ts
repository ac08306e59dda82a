/** Puts the reader of messages together from stores, jobs and the dispatcher's states. Main thread. */
import type { Config } from '../config/schema.js'
import type { Clock } from '../contract/clock.js'
import type { Log } from '../contract/log.js'
import type { Metrics } from '../contract/metrics.js'
import type { JobBook } from '../jobs/job-book.js'
import type { JobRecord } from '../jobs/job-record.js'
import { recordingNamer } from '../recordings/recording-names.js'
import type { RecipientHours } from '../schedule/recipient-hours.js'
import { carrierNames } from '../store/carrier-names.js'
import type { Documents } from '../store/documents.js'
import { readExtras, withReference } from '../store/extras.js'
import type { LmdbStore } from '../store/lmdb-store.js'
import { AccountBlocks, spanOf } from './account-blocks.js'
import { DamagedMessages } from './damaged-messages.js'
import { JobLayouts } from './job-layout.js'
import { MessageReader } from './message-reader.js'
import type { JobFacts, ViewNames } from './message-view.js'

export interface ReaderSources {
  config: Config
  documents: Documents
  store: LmdbStore
  book: JobBook
  clock: Clock
  log: Log
  metrics: Metrics
  names: ViewNames
  /** Snapshots in the order asked; null = never claimed. */
  states(blocks: number[]): Promise<(Uint8Array | null)[]>
  /** It is outside the sending hours of the job, or of its account. */
  isOutside(record: JobRecord): boolean
  /** Hours of the job in the zone of each recipient; null: they are not. */
  zoned(record: JobRecord): RecipientHours | null
}

export interface NameSources {
  config: Config
  documents: Documents
  store: LmdbStore
  statusName(status: number): string
}

/** Names of what is stored by number or by its sound: carriers, statuses, zones, recordings. */
export function viewNames({ config, documents, store, statusName }: NameSources): ViewNames {
  let known = carrierNames(store.environment)
  return {
    carrier: (number) => {
      // A carrier that was configured since is in the dictionary once the dispatcher has started.
      if (known[number] === undefined) known = carrierNames(store.environment)
      return known[number]
    },
    status: statusName,
    zone: (number) => {
      const carrier = config.carriers.find(({ id }) => id === known[number])
      return carrier?.protocol === 'smpp' ? carrier.receipts.timeZone : 'UTC'
    },
    recording: recordingNamer(documents),
  }
}

export function buildReader(sources: ReaderSources): MessageReader {
  const { store, documents, book, clock, names, states, ...hours } = sources
  const isRead = (job: number): boolean => book.get(job)?.totals != null
  const layouts = new JobLayouts({
    ranges: (job) => store.ranges(job),
    linesBefore: (job) => book.get(job)?.sniff?.dialect.linesBefore ?? 0,
    isRead,
  })
  return new MessageReader({
    store: {
      block: (block) => store.block(block),
      marks: (block) => store.marks(block),
      extras: (ref) => readExtras(store.environment, ref),
      withReference: (asked) => withReference(store.environment, asked),
    },
    layouts,
    accountBlocks: accountBlocks({ store, documents, book, layouts, isRead }),
    clock,
    damaged: new DamagedMessages(sources.log, sources.metrics),
    names,
    states,
    facts: (job) => factsOf(book.get(job), hours),
  })
}

interface BlockSources extends Pick<ReaderSources, 'store' | 'documents' | 'book'> {
  layouts: JobLayouts
  isRead(job: number): boolean
}

function accountBlocks({ store, documents, book, layouts, isRead }: BlockSources): AccountBlocks {
  const { environment } = store
  return new AccountBlocks({
    layouts,
    fileJobs: (account) => book.newestJobs(account),
    singleJobs: (account) =>
      documents
        .list<{ job: number }>('singles', { prefix: account === null ? [] : [account] })
        .map(({ value }) => value.job),
    span: (job) => spanOf(environment, job),
    isRead,
    looseBefore: (job, before, limit) =>
      [...environment.loose.getKeys({ start: [job, before - 1], end: [job], reverse: true, limit })].map(
        (key) => key[1]!,
      ),
  })
}

function factsOf(record: JobRecord | null, hours: Pick<ReaderSources, 'isOutside' | 'zoned'>): JobFacts {
  const facts = { job: null, createdAtMs: null, isCanceled: false, sendAtMs: 0, isOutside: false, zoned: null }
  if (record === null) return facts
  const held = { isOutside: hours.isOutside(record), zoned: hours.zoned(record) }
  if (record.singles) return { ...facts, ...held }
  const { job, createdAtMs, sendAtMs } = record
  return { job, createdAtMs, isCanceled: record.state === 'canceled', sendAtMs, ...held }
}
