/** For whom a question of `GET /v1/explain` is answered: an account, and a job of it whose settings stand in for what is not asked. */
import { newAccount } from '../accounts/account-record.js'
import type { Principal } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import type { ExplainQuestion } from '../contract/explain.js'
import { suppressedNumbers } from '../jobs/create.js'
import type { JobRecord } from '../jobs/job-record.js'
import { isCountry, NumberParser } from '../phone/number.js'
import { promptTexts } from '../text/prompts.js'
import { compileTemplate } from '../text/template.js'
import type { ComposeAccount } from './compose.js'

export interface Asker {
  account: ComposeAccount
  job: JobRecord | null
}

/** An account that has no settings: for an admin who names none. */
export function nobody(): ComposeAccount {
  return newAccount({ id: 'nobody', number: 0, nowMs: 0 })
}

/** Id of the account; null: an admin asks, and names none. @throws EngineError NOT_FOUND: an account asks for another. */
export function accountAsked(principal: Principal, { account }: ExplainQuestion, job: JobRecord | null): string | null {
  if (principal.kind === 'admin') return account ?? job?.accountId ?? null
  if (account === undefined || account === principal.account) return principal.account
  throw new EngineError('NOT_FOUND', 'There is no such account.')
}

/** The question with the job's settings under it. @throws EngineError VALIDATION. */
export function asked({ job }: Asker, question: ExplainQuestion): ExplainQuestion {
  const whole = job === null ? question : { ...settingsOf(job), ...question }
  // Another text than that of the job is asked about.
  if (question.text !== undefined) delete whole.prompts
  if (whole.defaultCountry !== undefined && !isCountry(whole.defaultCountry)) {
    const fields = [{ pointer: '/defaultCountry', message: 'must be a two-letter country code such as GB' }]
    throw new EngineError('VALIDATION', `There is no country ${whole.defaultCountry}.`, { fields })
  }
  if (whole.to !== undefined || whole.text !== undefined || whole.from !== undefined) return whole
  const fields = ['to', 'text', 'from'].map((name) => ({
    pointer: `/${name}`,
    message: 'or another of them is needed',
  }))
  throw new EngineError('VALIDATION', 'Ask for a number with to, a text with text, or both.', { fields })
}

/** A text or a play list with labels is none before a row fills them. */
function settingsOf({ settings }: JobRecord): ExplainQuestion {
  const { from, channel, transliterate, maxParts, defaultCountry, landlines, language, text } = settings
  const template = compileTemplate(text ?? '')
  const final = text !== undefined && template.labels.length === 0 ? template.literals[0] : undefined
  const isSame = promptTexts(settings.prompts ?? []).every((each) => compileTemplate(each).labels.length === 0)
  const prompts = isSame ? settings.prompts : undefined
  const given = { from, channel, transliterate, maxParts, defaultCountry, landlines, language, prompts, text: final }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

/** On the job's own list, or for the account. */
export function isSuppressed(
  { account, job }: Asker,
  { to, from, defaultCountry = account.defaultCountry }: { to: string; from: string; defaultCountry?: string | null },
  has: (account: number, number: number, from: string) => boolean,
): boolean {
  const shortCodes = account.allowShortCodes
  const { reason, value } = new NumberParser(defaultCountry, { shortCodes }).parse(to)
  if (reason !== 0) return false
  if (has(account.number, value, from)) return true
  const own = job === null ? null : suppressedNumbers(job.settings.suppressed, defaultCountry, shortCodes)
  return own?.includes(value) ?? false
}
