/** From the settings of a request to an endpoint's record, and from there to what the API shows. Main thread. */
import { randomBytes } from 'node:crypto'
import { EngineError, type FieldError } from '../contract/errors.js'
import type { StateName } from '../contract/message.js'
import { WEBHOOK_EVENTS, WEBHOOK_STATES, type WebhookSettings, type WebhookView } from '../contract/webhook.js'
import type { Endpoint } from './endpoint.js'
import { isSecret, makeSecret } from './secret.js'
import type { WebhookRecord } from './webhook-record.js'

const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/
/** Of endpoints that jobs ask for. */
export const CALLBACK_PREFIX = 'callback-'

export interface RecordFacts {
  account: { number: number; id: string }
  name: string
  /** What it replaces. */
  before: WebhookRecord | null
  nowMs: number
}

/** @throws EngineError VALIDATION. */
export function checkName(name: string): void {
  if (NAME.test(name) && !name.startsWith(CALLBACK_PREFIX)) return
  const message = `must have 1 to 64 letters, digits, -, _ and ., and must not begin with ${CALLBACK_PREFIX}`
  throw new EngineError('VALIDATION', `The name of a webhook ${message}.`, { fields: [{ pointer: '/name', message }] })
}

export function newUid(): string {
  return randomBytes(12).toString('hex')
}

/** The URL is checked by the caller. @throws EngineError VALIDATION naming each wrong field. */
export function newRecord(facts: RecordFacts, settings: WebhookSettings): WebhookRecord {
  const fields = [...problems(settings)]
  if (fields.length > 0) throw new EngineError('VALIDATION', `${fields[0]!.pointer} ${fields[0]!.message}.`, { fields })
  const { account, name, before, nowMs } = facts
  return {
    account: account.number,
    accountId: account.id,
    name,
    uid: before?.uid ?? newUid(),
    url: settings.url,
    events: WEBHOOK_EVENTS.filter((event) => settings.events?.includes(event) ?? true),
    states: settings.states === undefined ? null : [...new Set(settings.states)],
    secrets: secretsOf(before?.secrets ?? [], settings),
    disabled: settings.disabled === true ? 'BY_REQUEST' : null,
    isCallback: before?.isCallback ?? false,
    reports: before?.reports,
    namedAtMs: before?.namedAtMs,
    createdAtMs: before?.createdAtMs ?? nowMs,
  }
}

/** The newest first, two at most. */
function secretsOf(before: string[], { secret, previousSecret, rotateSecret }: WebhookSettings): string[] {
  const current = before[0]
  const newest = secret ?? (rotateSecret === true || current === undefined ? makeSecret() : current)
  const kept = newest === current ? before[1] : current
  const previous = previousSecret === undefined ? kept : (previousSecret ?? undefined)
  return previous === undefined || previous === newest ? [newest] : [newest, previous]
}

function* problems({ events, states, secret, previousSecret }: WebhookSettings): Iterable<FieldError> {
  if (events?.length === 0) yield { pointer: '/events', message: 'must name at least one kind of event' }
  if (states?.length === 0) yield { pointer: '/states', message: 'must name at least one state' }
  for (const [index, state] of (states ?? []).entries()) {
    if (!(WEBHOOK_STATES as readonly StateName[]).includes(state)) {
      yield { pointer: `/states/${index}`, message: `must be one of ${WEBHOOK_STATES.join(', ')}` }
    }
  }
  const shape = 'must be whsec_ and the base64 of 24 to 64 octets'
  if (secret !== undefined && !isSecret(secret)) yield { pointer: '/secret', message: shape }
  if (previousSecret != null && !isSecret(previousSecret)) yield { pointer: '/previousSecret', message: shape }
}

/** Not made by anyone's PUT: for jobs, or for messages, that name it. */
export function isForCallbacks({ isCallback, reports }: WebhookRecord): boolean {
  return isCallback || reports !== undefined
}

export function webhookView(endpoint: Endpoint): WebhookView {
  const { record, retry, lastError, lastSuccessMs } = endpoint
  const isWaiting = record.disabled === null && retry.failures > 0
  return {
    name: record.name,
    account: record.accountId,
    url: record.url,
    events: record.events,
    states: record.states,
    secret: record.secrets[0]!,
    previousSecret: record.secrets[1] ?? null,
    state: endpoint.state,
    disabledReason: record.disabled,
    isCallback: isForCallbacks(record),
    backlog: endpoint.backlog,
    parked: endpoint.parked,
    failures: retry.failures,
    nextAttemptAt: isWaiting ? time(retry.nextAttemptMs) : null,
    lastSuccessAt: lastSuccessMs === 0 ? null : time(lastSuccessMs),
    lastError: lastError === null ? null : { at: time(lastError.atMs), reason: lastError.reason },
    createdAt: time(record.createdAtMs),
  }
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}
