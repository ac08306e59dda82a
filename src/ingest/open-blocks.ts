/**
 * The blocks that a range is filling: one per route and due minute, at most OPEN_MOST at once. A full block is sealed, and
 * when there are too many the oldest is. All of them are stored in one transaction at the end of the range.
 */
import { packFields } from '../engine/base/tlv-value.js'
import type { JobPlan } from '../engine/contract/ingest.js'
import type { SealedBlock } from '../engine/contract/store.js'
import { BlockBuilder, type NewRecord } from '../engine/store/block.js'
import type { BlockNumbers } from '../engine/store/block-numbers.js'
import type { RowZone } from './row-zones.js'

const OPEN_MOST = 64
const DUE_BUCKET_SECONDS = 60
const DUE_BUCKETS = 2 ** 27
/** More than there are zones and sets of them. */
const ZONE_GROUPS = 1_024
const ANY_ZONE: RowZone = { group: 0, zone: '' }

interface Open {
  builder: BlockBuilder
  /** Number that the block will have. */
  block: number
}

export class OpenBlocks {
  readonly sealed: SealedBlock[] = []
  /** Where the last record went. */
  block = 0
  place = 0
  readonly #plan: JobPlan
  readonly #range: number
  readonly #fields: string
  readonly #mailRoutes: ReadonlySet<number>
  /** Route → caller id that the job shows there, '' = the carrier's own. */
  readonly #callRoutes: ReadonlyMap<number, string>
  readonly #numbers: BlockNumbers
  readonly #open = new Map<number, Open>()

  constructor(plan: JobPlan, range: number, numbers: BlockNumbers) {
    this.#plan = plan
    this.#range = range
    this.#fields = packFields(plan.settings)
    this.#mailRoutes = new Set(plan.routes.filter(({ channel }) => channel === 'email').map(({ route }) => route))
    const calls = plan.routes.filter(({ channel }) => channel === 'voice')
    this.#callRoutes = new Map(calls.map(({ route, call }) => [route, call?.callerIds[0] ?? '']))
    this.#numbers = numbers
  }

  /** `zone`: of the recipient, where the hours of the job are those of each. */
  add(route: number, record: NewRecord, zone: RowZone = ANY_ZONE): void {
    const bucket = Math.ceil(record.dueSeconds / DUE_BUCKET_SECONDS)
    const key = (route * ZONE_GROUPS + zone.group) * DUE_BUCKETS + bucket
    const open = this.#open.get(key) ?? this.#start(key, route, zone.zone)
    this.place = open.builder.add(record)
    this.block = open.block
    if (open.builder.full) this.#seal(key, open)
  }

  #start(key: number, route: number, zone: string): Open {
    if (this.#open.size === OPEN_MOST) {
      const [oldest] = this.#open
      this.#seal(oldest![0], oldest![1])
    }
    const { job, account, settings, createdSeconds, lockSeconds, mailFrom = '' } = this.#plan
    const isMail = this.#mailRoutes.has(route)
    const callerId = this.#callRoutes.get(route)
    const isCall = callerId !== undefined
    const head = {
      ...{ job, account, route, createdSeconds, range: this.#range },
      from: isMail ? mailFrom : (callerId ?? settings.from ?? ''),
      fields: isMail || isCall ? '' : this.#fields,
      // Nobody answers an email or a call here.
      lockSeconds: isMail || isCall ? 0 : lockSeconds,
      zone,
    }
    const open = { builder: new BlockBuilder(head), block: this.#numbers.take() }
    this.#open.set(key, open)
    return open
  }

  #seal(key: number, open: Open): void {
    this.sealed.push(open.builder.seal(open.block))
    this.#open.delete(key)
  }

  /** Everything, by ascending block number. */
  finish(): SealedBlock[] {
    for (const [key, open] of this.#open) this.#seal(key, open)
    return this.sealed.sort((a, b) => a.block - b.block)
  }
}
