/**
 * The LMDB environment of the queue and its tables. Opened once in each thread of the one process.
 *
 * A fact it rests on (lmdb 3.5.6), beside those of open-root.ts: `put` is zero-copy, so a buffer must not change before its
 * commit.
 */
import type { Database, RootDatabase } from 'lmdb'
import { openRoot } from './open-root.js'

export type Table<K extends (number | string)[] | number | string> = Database<
  Buffer,
  K & (number[] | string[] | number | string)
>

export interface Environment {
  root: RootDatabase
  /** block number → block bytes. */
  blocks: Database<Buffer, number>
  /** block number → 32-octet bitmap of duplicates. */
  marks: Database<Buffer, number>
  /** block number → state snapshot. */
  states: Database<Buffer, number>
  /** [job, route, due, block] → message count (u16): what may be claimed. */
  queue: Database<Buffer, number[]>
  /** [job, range] → range record. */
  ranges: Database<Buffer, number[]>
  /** [job, block] of messages that came one by one → what they cost altogether (f64 millionths), or empty. */
  loose: Database<Buffer, number[]>
  /** job → dispatch counts. */
  counts: Database<Buffer, number>
  /** log sequence → one batch of outcomes. */
  log: Database<Buffer, number>
  /** block → its job (f64) while it has messages that are claimed and not final, or await receipts. */
  open: Database<Buffer, number>
  /** [deadline s, block]: when to look for receipts that never came. */
  awaiting: Database<Buffer, number[]>
  /** [until s, block]: closed blocks with messages that ended as `sent`, whose receipts may still come. */
  late: Database<Buffer, number[]>
  /** [segment, chunk] → sorted receipt index entries. */
  segments: Database<Buffer, number[]>
  /** log sequence → conversations entered with that commit, see talk.ts. */
  talks: Database<Buffer, number>
  /** [segment, chunk] → sorted conversations. */
  talkSegments: Database<Buffer, number[]>
  /** orphan number → receipt that matched nothing yet. */
  orphans: Database<Buffer, number>
  /** inbound number → a subscriber's message as it came, until it is listed. */
  inbound: Database<Buffer, number>
  /** list number → a subscriber's message, whole and read. */
  inboundList: Database<Buffer, number>
  /** [account, list number] → empty: what was routed to whom. */
  inboundOf: Database<Buffer, number[]>
  /** [account, number of the first event] → message events of webhooks. */
  events: Database<Buffer, number[]>
  /** message ref → texts of a single message, see extras.ts. */
  extras: Database<Buffer, number>
  /** [account, begin of the reference, message ref] → empty. */
  references: Database<Buffer, (number | string)[]>
  /** [account, number] → why the account must not message it; account 0: everyone. */
  suppressions: Database<Buffer, number[]>
  /** [day, account, number] → what was answered to STOP, START and HELP on that day. */
  optOutReplies: Database<Buffer, number[]>
  /** account → its money and the counters of its quotas. */
  money: Database<Buffer, number>
  /** job → what it holds of its account's money, while anything of it may still come back. */
  holds: Database<Buffer, number>
  /** [account, day, country, channel] → what was accepted on that day, and what became of it. */
  usage: Database<Buffer, (number | string)[]>
  /** [block, log sequence] → empty: its state was stored since it was last folded into money and usage; or job (f64): it is damaged. */
  fold: Database<Buffer, number[]>
  /** block → what of it is in money and usage. */
  folded: Database<Buffer, number>
  /** [account, id] → an automatic event of the account, see events/event-record.ts. */
  ruleEvents: Database<Buffer, (number | string)[]>
  /** [account, when it was made (ms), id] → empty. */
  ruleEventOrder: Database<Buffer, (number | string)[]>
  /** [account, id] → empty: an event whose change is not complete. */
  ruleEventWork: Database<Buffer, (number | string)[]>
  /** [when it is forgotten (s), account, id] → empty. */
  ruleEventEnds: Database<Buffer, (number | string)[]>
  /** Names → small facts: log position, snapshot position, next numbers. */
  meta: Database<Buffer, string>
}

export function openEnvironment(dataDir: string): Environment {
  const root = openRoot(dataDir, 'queue', { maxDbs: 48, mapSize: 4 << 30 })
  const numbers = (name: string) => root.openDB<Buffer, number>({ name, encoding: 'binary' })
  const tuples = (name: string) => root.openDB<Buffer, number[]>({ name, encoding: 'binary' })
  const mixed = (name: string) => root.openDB<Buffer, (number | string)[]>({ name, encoding: 'binary' })
  return {
    root,
    blocks: numbers('blocks'),
    marks: numbers('marks'),
    states: numbers('states'),
    queue: tuples('queue'),
    ranges: tuples('ranges'),
    loose: tuples('loose'),
    counts: numbers('counts'),
    log: numbers('log'),
    open: numbers('open'),
    awaiting: tuples('awaiting'),
    late: tuples('late'),
    segments: tuples('segments'),
    talks: numbers('talks'),
    talkSegments: tuples('talkSegments'),
    orphans: numbers('orphans'),
    inbound: numbers('inbound'),
    inboundList: numbers('inboundList'),
    inboundOf: tuples('inboundOf'),
    events: tuples('events'),
    extras: numbers('extras'),
    references: mixed('references'),
    suppressions: tuples('suppressions'),
    optOutReplies: tuples('optOutReplies'),
    money: numbers('money'),
    holds: numbers('holds'),
    usage: mixed('usage'),
    fold: tuples('fold'),
    folded: numbers('folded'),
    ruleEvents: mixed('ruleEvents'),
    ruleEventOrder: mixed('ruleEventOrder'),
    ruleEventWork: mixed('ruleEventWork'),
    ruleEventEnds: mixed('ruleEventEnds'),
    meta: root.openDB<Buffer, string>({ name: 'meta', encoding: 'binary' }),
  }
}
