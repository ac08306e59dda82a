/** Rules behind the façade, and those that are about a type of event, ready for use. Main thread. */
import { type NamedDeps, NamedDesk } from '../accounts/named-desk.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import type { RuleSettings, RulesApi, RuleView } from '../contract/rule-events.js'
import { checkRule } from './check-rule.js'
import { type EventFacts, readConditions } from './rule-conditions.js'
import { newRule, type RuleRecord, ruleView } from './rule-record.js'

/** Accounts whose rules are kept ready. */
const ACCOUNTS_KEPT = 500

export interface RulesDeps extends NamedDeps {
  clock: Clock
}

/** A rule that is on. */
export interface ReadyRule {
  rule: RuleRecord
  fits(facts: EventFacts): boolean
}

export class Rules implements RulesApi {
  readonly #deps: RulesDeps
  readonly #desk: NamedDesk<RuleRecord, RuleView>
  /** Number of an account → type of event → its rules. */
  readonly #ready = new Map<number, Map<string, ReadyRule[]>>()

  constructor(deps: RulesDeps) {
    this.#deps = deps
    this.#desk = new NamedDesk(deps, { collection: 'rules', noun: 'rule', view: ruleView })
  }

  async put(principal: Principal, given: string, settings: RuleSettings): Promise<RuleView> {
    const { askers, clock } = this.#deps
    const view = await this.#desk.put(principal, given, {
      check: () => checkRule(settings),
      next: ({ name, before }) => newRule({ name, before, nowMs: clock.now() }, settings),
    })
    this.#ready.delete(askers.record(principal).number)
    return view
  }

  get(principal: Principal, name: string): RuleView {
    return this.#desk.get(principal, name)
  }

  list(principal: Principal, query: PageQuery): Page<RuleView> {
    return this.#desk.list(principal, query)
  }

  async remove(principal: Principal, name: string): Promise<void> {
    await this.#desk.remove(principal, name)
    this.#ready.delete(this.#deps.askers.record(principal).number)
  }

  /** By name. `account`: number. */
  about(account: number, type: string): readonly ReadyRule[] {
    return this.#readyOf(account).get(type) ?? []
  }

  #readyOf(account: number): Map<string, ReadyRule[]> {
    const known = this.#ready.get(account)
    if (known !== undefined) return known
    const ready = new Map<string, ReadyRule[]>()
    for (const rule of this.#desk.documents.all(account)) {
      if (!rule.enabled) continue
      const { fits } = readConditions(rule.if)
      const others = ready.get(rule.event)
      if (others === undefined) ready.set(rule.event, [{ rule, fits }])
      else others.push({ rule, fits })
    }
    if (this.#ready.size >= ACCOUNTS_KEPT) this.#ready.clear()
    this.#ready.set(account, ready)
    return ready
  }
}
