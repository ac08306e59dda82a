/** The audit log behind the façade: who may read what of it. Main thread. */
import type { Askers } from '../accounts/askers.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { AuditApi, AuditChain, AuditFilter, AuditView } from '../contract/audit.js'
import { EngineError } from '../contract/errors.js'
import { parseTime } from '../jobs/create.js'
import type { Documents } from '../store/documents.js'
import { type AuditWanted, auditLines, listAudit } from './audit-list.js'
import { verifyAudit } from './verify-audit.js'

class AuditReading implements AuditApi {
  readonly #documents: Documents
  readonly #askers: Askers

  constructor(documents: Documents, askers: Askers) {
    this.#documents = documents
    this.#askers = askers
  }

  list(principal: Principal, { limit, cursor, ...filter }: PageQuery & AuditFilter): Page<AuditView> {
    return listAudit(this.#documents, { limit, cursor }, this.#wanted(principal, filter))
  }

  lines(principal: Principal, filter: AuditFilter): AsyncIterable<string> {
    return auditLines(this.#documents, this.#wanted(principal, filter))
  }

  async verify(): Promise<AuditChain> {
    return await verifyAudit(this.#documents)
  }

  #wanted(principal: Principal, { since, until, ...rest }: AuditFilter): AuditWanted {
    const asker = this.#askers.number(principal)
    const sinceMs = timeOf('since', since) ?? 0
    return { asker, ...rest, sinceMs, untilMs: timeOf('until', until) ?? Number.POSITIVE_INFINITY }
  }
}

/** @throws EngineError VALIDATION. */
function timeOf(name: string, text: string | undefined): number | undefined {
  const atMs = text === undefined ? undefined : parseTime(text)
  if (atMs !== null) return atMs
  const fields = [{ pointer: `/${name}`, message: 'must be a time with zone such as 2026-11-22T09:00:00Z' }]
  throw new EngineError('VALIDATION', `${name} is not a time with a zone.`, { fields })
}

export function buildAudit(documents: Documents, askers: Askers): AuditApi {
  return new AuditReading(documents, askers)
}
