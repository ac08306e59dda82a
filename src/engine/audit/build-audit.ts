/** The audit log behind the façade: who may read what of it. Main thread. */
import type { Askers } from '../accounts/askers.js'
import { timeAsked } from '../base/instant.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { AuditAnchor, AuditApi, AuditChain, AuditFilter, AuditView } from '../contract/audit.js'
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

  async verify(anchor?: AuditAnchor): Promise<AuditChain> {
    return await verifyAudit(this.#documents, anchor)
  }

  #wanted(principal: Principal, { since, until, ...rest }: AuditFilter): AuditWanted {
    const asker = this.#askers.number(principal)
    const sinceMs = timeAsked('since', since) ?? 0
    return { asker, ...rest, sinceMs, untilMs: timeAsked('until', until) ?? Number.POSITIVE_INFINITY }
  }
}

export function buildAudit(documents: Documents, askers: Askers): AuditApi {
  return new AuditReading(documents, askers)
}
