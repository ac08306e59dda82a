/** The account's settings of what subscribers send to it: checked and brought into one form. Main thread. */
import { looseFit, looseSender } from '../base/loose-number.js'
import { EngineError, type FieldError } from '../contract/errors.js'
import type { InboundKeyword, InboundRules, InboundSettings } from '../contract/inbound.js'
import { limits } from '../contract/limits.js'
import { DEFAULT_OPT_OUT } from '../contract/opt-out.js'
import { KeywordFinder, wordsOf } from '../opt-out/keyword-finder.js'

export const NO_INBOUND_RULES: InboundRules = { numbers: [], keywords: [] }

const NUMBER = /^\+?[0-9]{3,15}$/
const KEYWORD_MAX = 32
const optOutWords = new KeywordFinder(DEFAULT_OPT_OUT)

/** The rules with the given ones in their place; absent ones stay. Adds to `fields` what is wrong. */
export function inboundRules(
  rules: InboundRules,
  given: InboundSettings | undefined,
  fields: FieldError[],
): InboundRules {
  if (given === undefined) return rules
  const { inboundNumbers, inboundKeywords } = limits
  if ((given.numbers?.length ?? 0) > inboundNumbers)
    fields.push({ pointer: '/inbound/numbers', message: `must have at most ${inboundNumbers}` })
  if ((given.keywords?.length ?? 0) > inboundKeywords)
    fields.push({ pointer: '/inbound/keywords', message: `must have at most ${inboundKeywords}` })
  given.numbers?.forEach((number, index) => {
    if (!isNumber(number))
      fields.push({ pointer: `/inbound/numbers/${index}`, message: 'must be a number such as +447700900000 or 80800' })
  })
  const keywords = given.keywords?.map((rule, index) => keywordRule(rule, `/inbound/keywords/${index}`, fields))
  keywords?.forEach((rule, index) => {
    if (keywords.slice(0, index).some((other) => isSameRule(rule, other)))
      fields.push({ pointer: `/inbound/keywords/${index}`, message: 'stands there twice' })
  })
  return {
    numbers: given.numbers === undefined ? rules.numbers : [...new Set(given.numbers)],
    keywords: keywords ?? rules.keywords,
  }
}

function isNumber(number: string): boolean {
  return NUMBER.test(number) && looseSender(number) !== 0
}

function keywordRule(
  { keyword, number = null, overridesLock = false }: NonNullable<InboundSettings['keywords']>[number],
  pointer: string,
  fields: FieldError[],
): InboundKeyword {
  const isWord = keyword.length <= KEYWORD_MAX && wordsOf(keyword).length === 1
  if (!isWord) fields.push({ pointer: `${pointer}/keyword`, message: 'must be one word of letters and digits' })
  if (overridesLock && optOutWords.find(keyword).keyword !== null) {
    const message = `must not be set: ${keyword} may be meant for whoever wrote last`
    fields.push({ pointer: `${pointer}/overridesLock`, message })
  }
  if (number !== null && !isNumber(number))
    fields.push({ pointer: `${pointer}/number`, message: 'must be a number such as +447700900000 or 80800' })
  return { keyword, number, overridesLock }
}

/** What both would be asked for: the same word, of the same number or of any. */
function isSameRule(one: InboundKeyword, other: InboundKeyword): boolean {
  return wordsOf(one.keyword)[0] === wordsOf(other.keyword)[0] && isSameNumber(one.number, other.number)
}

function isSameNumber(one: string | null, other: string | null): boolean {
  if (one === null || other === null) return one === other
  return looseFit(looseSender(one), looseSender(other)) > 0
}

interface Owner {
  id: string
  number: number
  inbound: InboundRules
}

/** Two accounts never own the same number or keyword. @throws EngineError INBOUND_TAKEN naming the other one. */
export function refuseTaken(account: Owner, others: Iterable<Owner>): void {
  for (const other of others) {
    if (other.id === account.id) continue
    const taken = takenBy(account.inbound, other)
    if (taken.length > 0)
      throw new EngineError('INBOUND_TAKEN', `Account ${other.id} has it: ${taken[0]!.message}.`, { fields: taken })
  }
}

function takenBy(rules: InboundRules, other: Owner): FieldError[] {
  const fields: FieldError[] = []
  rules.numbers.forEach((number, index) => {
    if (!other.inbound.numbers.some((owned) => isSameNumber(number, owned))) return
    fields.push({ pointer: `/inbound/numbers/${index}`, message: `${number} is a number of account ${other.id}` })
  })
  rules.keywords.forEach((rule, index) => {
    if (!other.inbound.keywords.some((owned) => isSameRule(rule, owned))) return
    const place = rule.number === null ? '' : ` at ${rule.number}`
    fields.push({
      pointer: `/inbound/keywords/${index}`,
      message: `${rule.keyword}${place} is a keyword of account ${other.id}`,
    })
  })
  return fields
}
