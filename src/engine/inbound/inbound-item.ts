/** A whole message, or what came of one, as the list keeps it. Main thread. */
import type { PartPlace } from '../contract/outcome.js'
import type { InboundRecord } from '../store/inbound-record.js'
import type { InboundItem, ListedArrival } from '../store/inbound-store.js'
import { placeOf } from '../text/user-data-header.js'
import { shownAddress } from './address.js'
import { arrivalOf, bare } from './arrival.js'
import { type BodyPart, type CarrierCodings, decodeBody, headerOf } from './decode-body.js'

/** A PDU and where it stands in its message. */
export interface PartRecord {
  record: InboundRecord
  part: number
  /** See BodyPart. */
  endsInNul: boolean
}

export interface Shape {
  /** In order of `part`, at least one. */
  parts: PartRecord[]
  total: number
  lateFor: number
  /** Epoch: when it was whole or given up. */
  receivedAtMs: number
  key: string
}

/** null: a message of one part. */
export function placeIn(record: InboundRecord): PartPlace | null {
  const { header } = headerOf(record)
  if (header?.place != null) return header.place
  const { sar } = record
  return sar === null ? null : placeOf(sar.reference, sar.total, sar.part)
}

/** Parts of one message have it in common. */
export function keyOf({ carrier, from, to }: InboundRecord, { reference, total }: PartPlace): string {
  return JSON.stringify([carrier, from, to, reference, total])
}

export function itemOf({ parts, total, lateFor, receivedAtMs, key }: Shape, codings: CarrierCodings): InboundItem {
  const { record } = parts[0]!
  const { text, encoding, messageClass, data } = decodeBody(parts.map(bodyPart), codings)
  const came = new Set(parts.map(({ part }) => part))
  const missing = Array.from({ length: total }, (_, index) => index + 1).filter((part) => !came.has(part))
  return {
    carrier: record.carrier,
    bind: record.bind,
    from: shownAddress(record.fromTon, record.from),
    to: shownAddress(record.toTon, record.to),
    source: { ton: record.fromTon, npi: record.fromNpi, address: record.from },
    destination: { ton: record.toTon, npi: record.toNpi, address: record.to },
    text,
    encoding,
    dataCoding: record.dataCoding,
    messageClass,
    data,
    ports: headerOf(record).header?.ports ?? record.ports,
    total,
    missing,
    lateFor,
    firstAtMs: Math.min(...parts.map((part) => part.record.atMs)),
    receivedAtMs,
    account: null,
    reason: 'UNROUTED',
    replied: null,
    key,
    arrivals: parts.map(listedArrival),
    ...(record.pressed === true ? { pressed: true } : {}),
  }
}

function bodyPart({ record, endsInNul }: PartRecord): BodyPart {
  const { dataCoding, esmClass, payload } = record
  return { dataCoding, esmClass, payload, endsInNul }
}

function listedArrival({ record, part }: PartRecord): ListedArrival {
  return { part, ...bare(arrivalOf(record)) }
}
