/** A rule as stored, and as the API shows it. Main thread. */
import type { NamedRecord } from '../accounts/named-documents.js'
import type { RuleSettings, RuleView } from '../contract/rule-events.js'

export interface RuleRecord extends NamedRecord, Required<RuleSettings> {}

export interface RuleFacts {
  name: string
  /** What it replaces. */
  before: RuleRecord | null
  nowMs: number
}

export function newRule({ name, before, nowMs }: RuleFacts, settings: RuleSettings): RuleRecord {
  return {
    name,
    event: settings.event,
    when: settings.when,
    send: settings.send,
    recipients: settings.recipients ?? ['client'],
    if: settings.if ?? {},
    window: settings.window ?? null,
    late: settings.late ?? 'send',
    priority: settings.priority ?? 'normal',
    enabled: settings.enabled ?? true,
    description: settings.description ?? null,
    createdAtMs: before?.createdAtMs ?? nowMs,
    updatedAtMs: nowMs,
  }
}

export function ruleView({ createdAtMs, updatedAtMs, ...shown }: RuleRecord): RuleView {
  return {
    ...shown,
    createdAt: new Date(createdAtMs).toISOString(),
    updatedAt: new Date(updatedAtMs).toISOString(),
  }
}
