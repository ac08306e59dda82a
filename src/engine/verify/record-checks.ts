/**
 * How the records of each table are looked at: length, checksum, and whether they can be read. Each throws what is wrong, or gives
 * it as text. Tables that are not named here are later ones, or hold nothing but keys.
 */

import { decodeContact, unpacked as unpackedFact } from '../contacts/contact-record.js'
import { messageId } from '../contract/ids.js'
import { messageRef } from '../contract/message.js'
import { openShare } from '../money/block-share.js'
import { openHold } from '../money/hold.js'
import type { PurseRecord } from '../money/purse.js'
import { openUsage } from '../money/usage-record.js'
import { BlockReader } from '../store/block.js'
import { BlockState } from '../store/block-state.js'
import { bodyOf } from '../store/checked-bytes.js'
import { decodeCounts } from '../store/counts-record.js'
import { isEventRecordIntact } from '../store/event-log.js'
import { openInbound, openRecord as openInboundItem } from '../store/inbound-record.js'
import { readOrphan } from '../store/orphans.js'
import { eachOutcome } from '../store/outcome-log.js'
import { unpacked } from '../store/packed-document.js'
import { decodeRange } from '../store/range-record.js'
import { openRecord } from '../store/sealed-record.js'
import { openReasons } from '../store/suppression-table.js'

/** What is wrong, and whom it concerns; null: nothing. */
export interface Wrong {
  problem: string
  concerns: string[]
}

export type Check = (value: Buffer, key: unknown) => Wrong | null

const CHECKSUM = 'does not match its checksum'
const CONCERNS_MAX = 20

function wrong(problem: string, concerns: string[] = []): Wrong {
  return { problem, concerns }
}

/** What throws when it is wrong. */
function reads(read: (value: Buffer) => unknown): Check {
  return (value) => {
    read(value)
    return null
  }
}

function sized(...sizes: number[]): Check {
  return (value) =>
    sizes.includes(value.length) ? null : wrong(`has ${value.length} octets and not ${sizes.join(' or ')}`)
}

function multipleOf(size: number): Check {
  return (value) => (value.length % size === 0 ? null : wrong(`has ${value.length} octets, no multiple of ${size}`))
}

function intact(isIntact: (value: Buffer, key: unknown) => boolean): Check {
  return (value, key) => (isIntact(value, key) ? null : wrong(CHECKSUM))
}

function checkBlock(value: Buffer, key: unknown): Wrong | null {
  const reader = new BlockReader(value)
  const block = Number(key)
  if (!reader.intact) return wrong(`its head ${CHECKSUM}; none of its messages can be told`, [`block ${block}`])
  const damaged: string[] = []
  for (let place = 0; place < reader.count; place++) {
    if (reader.verified(place) < 0) damaged.push(messageId(messageRef(block, place)))
  }
  if (damaged.length === 0) return null
  return wrong(`${damaged.length} of its ${reader.count} messages ${CHECKSUM}`, damaged.slice(0, CONCERNS_MAX))
}

function checkState(value: Buffer, key: unknown): Wrong | null {
  BlockState.decode(Number(key), value).dispose()
  return null
}

const empty = sized(0)

export const RECORD_CHECKS: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  queue: {
    blocks: checkBlock,
    marks: sized(32),
    states: checkState,
    queue: sized(2, 6),
    ranges: reads(decodeRange),
    loose: sized(0, 8),
    counts: reads(decodeCounts),
    log: reads((value) => eachOutcome(value, () => {})),
    open: sized(8),
    awaiting: sized(1),
    late: sized(1),
    segments: multipleOf(21),
    orphans: intact((value, key) => readOrphan(Number(key), value) !== null),
    inbound: intact((value) => openInbound(value) !== null),
    inboundList: intact((value) => openInboundItem(value) !== null),
    inboundOf: sized(1),
    events: intact(isEventRecordIntact),
    extras: reads((value) => bodyOf(value, 'texts of a message')),
    references: empty,
    suppressions: reads(openReasons),
    optOutReplies: reads((value) => bodyOf(value, 'answers to STOP')),
    money: reads((value) => openRecord<PurseRecord>(value, 'money')),
    holds: reads(openHold),
    usage: reads(openUsage),
    fold: sized(0, 8),
    folded: reads(openShare),
    ruleEvents: reads((value) => unpacked(value, 'an event')),
    ruleEventOrder: empty,
    ruleEventWork: empty,
    ruleEventEnds: empty,
  },
  documents: { documents: reads((value) => unpacked(value, 'a document')) },
  contacts: {
    records: reads(decodeContact),
    numbers: sized(8),
    fresh: multipleOf(16),
    emails: empty,
    freshEmails: multipleOf(16),
    last: sized(18),
    tagged: empty,
    tags: reads(unpackedFact),
    attributes: empty,
    accounts: reads(unpackedFact),
    imports: reads(unpackedFact),
    rejects: reads(unpackedFact),
  },
}
