/** Audiences: counted before they are sent to, and written out as the file of a job, a step of the walk at a time. Main thread. */
import type { AccountRecord } from '../accounts/account-record.js'
import type { Askers } from '../accounts/askers.js'
import { accountFacts } from '../contacts/account-facts.js'
import { attributeNames } from '../contacts/contact-reader.js'
import type { ContactRunner } from '../contacts/contact-runner.js'
import type { Principal } from '../contract/api.js'
import type { Audience, AudienceApi, AudienceCount, AudienceQuestion } from '../contract/audience.js'
import type { AudienceCountResult, AudienceRowsResult, AudienceStep } from '../contract/contact-tasks.js'
import { EngineError } from '../contract/errors.js'
import type { JobSettings } from '../contract/job.js'
import type { ChannelName } from '../contract/message.js'
import type { JobRecord } from '../jobs/job-record.js'
import { checkAudience } from './audience.js'
import { audienceColumns, audienceHeader, audienceSettings, checkAudienceLabels } from './audience-columns.js'

/** So many contacts are looked through within milliseconds. */
const QUICK_CONTACTS = 2_000

export interface AudiencesDeps {
  runner: ContactRunner
  askers: Askers
  account(number: number): AccountRecord | null
  /** Memory of the filter of suppressions, as it is now. */
  suppressions(): SharedArrayBuffer
  /** Resolves when what the conditions ask of last messages is what is known of them. */
  caughtUp(audience: Audience): Promise<void>
}

export class Audiences implements AudienceApi {
  readonly #deps: AudiencesDeps

  constructor(deps: AudiencesDeps) {
    this.#deps = deps
  }

  async count(principal: Principal, question: AudienceQuestion): Promise<AudienceCount> {
    const { number } = this.#deps.askers.record(principal)
    const { channel = 'sms', from = '', ...audience } = question
    checkAudience(audience, '')
    await this.#deps.caughtUp(audience)
    const sum: AudienceCount = { total: 0, sendable: 0, unreachable: 0, notOptedIn: 0, suppressed: 0 }
    for await (const { next, ...counts } of this.#counts(this.#step(number, audience, { channel, from }))) {
      for (const name of Object.keys(sum) as (keyof AudienceCount)[]) sum[name] += counts[name]
      if (next === null) return sum
    }
    return sum
  }

  async *#counts(step: AudienceStep): AsyncGenerator<AudienceCountResult> {
    const isQuick = this.#isQuick(step.account)
    for (let after: number | null = 0; after !== null; ) {
      const task = { kind: 'audienceCount', step: { ...step, after } } as const
      const result: AudienceCountResult = await this.#deps.runner.run(step.account, task, isQuick)
      yield result
      after = result.next
    }
  }

  #isQuick(account: number): boolean {
    return accountFacts(this.#deps.runner.tables, account).contacts <= QUICK_CONTACTS
  }

  /** Who comes after the walk has begun is not of it. */
  #step(account: number, audience: Audience, by: { channel: ChannelName; from: string }): AudienceStep {
    return {
      account,
      audience,
      after: 0,
      before: accountFacts(this.#deps.runner.tables, account).nextId,
      requireOptIn: this.#deps.account(account)?.requireOptIn ?? false,
      suppressions: this.#deps.suppressions(),
      ...by,
    }
  }

  /** @throws EngineError VALIDATION, TEMPLATE_LABEL_UNKNOWN. */
  settings(account: number, settings: JobSettings): JobSettings {
    const audience = settings.audience!
    checkAudience(audience, '/audience')
    const whole = audienceSettings(settings, audience)
    checkAudienceLabels(whole, attributeNames(this.#deps.runner.tables, account))
    return whole
  }

  /**
   * The contacts of a job's audience as its file. `onLong` is called when there is more than one step of it.
   * @throws EngineError AUDIENCE_EMPTY at its end.
   */
  async *file({ account, settings }: JobRecord, onLong: () => void): AsyncGenerator<Buffer> {
    const columns = audienceColumns(settings, attributeNames(this.#deps.runner.tables, account))
    await this.#deps.caughtUp(settings.audience!)
    const step = this.#step(account, settings.audience!, { channel: channelOf(settings), from: settings.from ?? '' })
    const isQuick = this.#isQuick(account)
    yield Buffer.from(audienceHeader(columns))
    let rows = 0
    for (let after: number | null = 0; after !== null; ) {
      const task = { kind: 'audienceRows', step: { ...step, after }, columns } as const
      const result: AudienceRowsResult = await this.#deps.runner.run(account, task, isQuick)
      const { bytes } = result
      rows += result.rows
      after = result.next
      if (after !== null) onLong()
      if (bytes.length > 0) yield Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    }
    if (rows === 0) throw new EngineError('AUDIENCE_EMPTY', 'The audience selects no contact.')
  }
}

/** `auto` is by number. */
function channelOf({ channel = 'sms' }: JobSettings): ChannelName {
  return channel === 'auto' ? 'sms' : channel
}
