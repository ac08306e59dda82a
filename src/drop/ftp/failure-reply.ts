/** What a client is answered when a command fails: by consequence, never with a path of ours. Site thread. */
import { SiteError, type SiteRefusal } from '../site/site-error.js'
import { DataError, type DataFailure } from './data-port.js'
import { type Reply, reply } from './reply.js'

/** RFC 959 §4.2.1: 4xx may go well later, 5xx will not. */
const SITE_CODES: Readonly<Record<SiteRefusal, number>> = {
  notFound: 550,
  denied: 550,
  exists: 550,
  notEmpty: 550,
  badName: 553,
  tooLarge: 552,
  noSpace: 452,
  busy: 450,
  failed: 451,
}
const DATA_CODES: Readonly<Record<DataFailure, number>> = { late: 425, refused: 425, tls: 522, closed: 426, cut: 426 }

/** null: it is none that a client can make: the log gets it. */
export function failureReply(error: unknown): Reply | null {
  if (error instanceof SiteError) return reply(SITE_CODES[error.refusal], error.message)
  if (error instanceof DataError) return reply(DATA_CODES[error.failure], error.message)
  return null
}
