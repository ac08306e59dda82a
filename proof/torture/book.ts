/** All ledgers of a stand, read once and joined by marker: what the parties saw, and nothing of what the engine says. */
import type { CarrierSeen, ReceiptSeen, SubmitSeen } from './carrier-ledger.js'
import type { Accepted, DriverSeen, Intent, OptOut, Refused } from './driver-ledger.js'
import { readLedger } from './ledger.js'
import { recipientOf } from './marker.js'
import type { SinkSeen } from './sink.js'

export interface Submitted extends SubmitSeen {
  carrier: string
}

export interface Session {
  carrier: string
  session: number
  boundAt: number
  /** Infinity: it is open. */
  closedAt: number
}

/** What the harness did, by its own ledger. */
export interface FaultSeen {
  e: 'fault'
  t: number
  /** When it was over; absent: it took no time. */
  until?: number
  kind: string
  /** Whom it concerned: engine, disk, sink, http, or the name of a carrier. */
  on: string
}

/** Final state of a message as the sink was told it, and how often anything was told. */
export interface Told {
  finals: Set<string>
  times: number
}

export interface LedgerPaths {
  driver: string
  sink: string
  faults: string
  /** By the carrier's name. */
  carriers: Readonly<Record<string, string>>
}

export class Book {
  readonly intents = new Map<string, Intent>()
  readonly accepted = new Map<string, Accepted>()
  readonly refused: Refused[] = []
  /** By marker: when the opt-out was acknowledged. */
  readonly optedOut = new Map<number, OptOut>()
  /** By marker, in the order in which each carrier saw them. */
  readonly submits = new Map<number, Submitted[]>()
  /** Submits without a marker, such as answers to STOP. */
  strangers = 0
  /** Every submit of each carrier: when. */
  readonly stamps = new Map<string, { t: number; session: number }[]>()
  readonly sessions = new Map<string, Session>()
  /** Receipts that were answered with ESME_ROK, by carrier and id. */
  readonly receipts = new Map<string, ReceiptSeen[]>()
  /** By message id. */
  readonly told = new Map<string, Told>()
  readonly forged: string[] = []
  readonly faults: FaultSeen[] = []
  /** When a carrier's own process stood still, and for how long: `[from, to]`. */
  readonly lags = new Map<string, [number, number][]>()
  /** What carriers found wrong with the protocol. */
  readonly wrong: string[] = []
  /** When a carrier had more unanswered submits than its window. */
  readonly beyond: { carrier: string; t: number; outstanding: number }[] = []
  readonly #sorted: Intent[] = []

  static async read(paths: LedgerPaths): Promise<Book> {
    const book = new Book()
    for await (const seen of readLedger<DriverSeen>(paths.driver)) book.#driver(seen)
    for (const [name, path] of Object.entries(paths.carriers)) {
      book.stamps.set(name, [])
      book.lags.set(name, [])
      for await (const seen of readLedger<CarrierSeen>(path)) book.#carrier(name, seen)
    }
    for await (const seen of readLedger<SinkSeen>(paths.sink)) book.#sink(seen)
    for await (const seen of readLedger<FaultSeen>(paths.faults)) book.faults.push(seen)
    book.#sorted.sort((a, b) => a.first - b.first)
    return book
  }

  /** The work that has this row; null: nobody handed it in. */
  intentOf(marker: number): Intent | null {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#sorted[middle]!.first <= marker) low = middle + 1
      else high = middle
    }
    const intent = this.#sorted[low - 1]
    return intent !== undefined && marker < intent.first + intent.count ? intent : null
  }

  recipientOf(marker: number): string {
    const intent = this.intentOf(marker)
    return recipientOf(intent?.ordered === true ? intent.first : marker)
  }

  session({ carrier, session }: { carrier: string; session: number }): Session {
    const key = `${carrier} ${session}`
    let found = this.sessions.get(key)
    if (found === undefined) {
      found = { carrier, session, boundAt: 0, closedAt: Number.POSITIVE_INFINITY }
      this.sessions.set(key, found)
    }
    return found
  }

  receiptsOf({ carrier, id }: Submitted): ReceiptSeen[] {
    return this.receipts.get(`${carrier} ${id}`) ?? []
  }

  /** True when something kept what this carrier sends or hears from passing at once, in the time between. */
  wasSlow(carrier: string, from: number, to: number): boolean {
    const meets = (start: number, end: number): boolean => start <= to && end >= from
    if (this.lags.get(carrier)?.some(([start, end]) => meets(start, end)) === true) return true
    return this.faults.some(({ t, until = t, on, kind }) => {
      return (on === carrier || on === 'engine' || on === 'carriers') && kind !== 'kill' && meets(t, until)
    })
  }

  #driver(seen: DriverSeen): void {
    if (seen.e === 'intent') {
      this.intents.set(seen.key, seen)
      this.#sorted.push(seen)
    } else if (seen.e === 'accepted') this.accepted.set(seen.key, seen)
    else if (seen.e === 'refused') this.refused.push(seen)
    else if (seen.e === 'optedOut') this.optedOut.set(seen.marker, seen)
  }

  #carrier(carrier: string, seen: CarrierSeen): void {
    switch (seen.e) {
      case 'bind':
        this.session({ carrier, session: seen.session }).boundAt = seen.t
        return
      case 'closed':
        this.session({ carrier, session: seen.session }).closedAt = seen.t
        return
      case 'submit':
        this.#submit({ ...seen, carrier })
        return
      case 'receipt':
        if (seen.status === 0) pushTo(this.receipts, `${carrier} ${seen.id}`, seen)
        return
      case 'lag':
        this.lags.get(carrier)!.push([seen.t - seen.ms * 1_000, seen.t])
        return
      case 'beyond':
        this.beyond.push({ carrier, t: seen.t, outstanding: seen.outstanding })
        return
      case 'wrong':
        this.wrong.push(`${carrier}, session ${seen.session}: ${seen.what}`)
    }
  }

  #submit(seen: Submitted): void {
    this.stamps.get(seen.carrier)!.push({ t: seen.t, session: seen.session })
    if (seen.marker < 0) this.strangers++
    else pushTo(this.submits, seen.marker, seen)
  }

  #sink(seen: SinkSeen): void {
    if (seen.e === 'forged') {
      this.forged.push(seen.id)
      return
    }
    if (seen.status < 200 || seen.status > 299) return
    for (const { id, state, final } of seen.entries) {
      let told = this.told.get(id)
      if (told === undefined) {
        told = { finals: new Set(), times: 0 }
        this.told.set(id, told)
      }
      told.times++
      if (final) told.finals.add(state)
    }
  }
}

function pushTo<K, T>(map: Map<K, T[]>, key: K, value: T): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

/** The carrier has it, or may have it: it said yes, nothing, or the connection was cut. */
export function mayHave({ status }: { status: number }): boolean {
  return status === 0 || status === -1 || status === -2
}
