/** The 'contactChanges' task: changes of single contacts that came at about the same time, in one transaction an account. */
import type { ContactTask, SingleChange, SingleResult } from '../contract/contact-tasks.js'
import { EngineError } from '../contract/errors.js'
import type { ContactTables } from './contact-tables.js'
import { contactView } from './contact-view.js'
import { applyChanges } from './contact-writer.js'

type ChangesTask = Extract<ContactTask, { kind: 'contactChanges' }>

/** In the order of the changes. @throws EngineError STORE_FAILED. */
export function applySingles(tables: ContactTables, { changes, nowMs }: ChangesTask): SingleResult[] {
  const results: SingleResult[] = new Array(changes.length)
  const byAccount = new Map<number, number[]>()
  changes.forEach(({ account }, index) => {
    const places = byAccount.get(account)
    if (places === undefined) byAccount.set(account, [index])
    else places.push(index)
  })
  for (const [account, places] of byAccount) {
    const own = places.map((place) => changes[place]!)
    applyOwn(tables, own, { account, nowMs }).forEach((result, index) => {
      results[places[index]!] = result
    })
  }
  return results
}

/** What one of them is refused for must not stop the others. */
function applyOwn(
  tables: ContactTables,
  changes: readonly SingleChange[],
  options: { account: number; nowMs: number },
): SingleResult[] {
  try {
    const list = changes.map(({ change }) => change)
    const { effects, records, ids } = applyChanges(tables, list, options)
    return effects.map((effect, index) => {
      const record = records[index]!
      const view = record === null ? null : contactView(tables, options.account, { id: ids[index]!, record })
      return { effect, view, problem: null }
    })
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'VALIDATION') throw error
    if (changes.length > 1) return changes.flatMap((change) => applyOwn(tables, [change], options))
    return [{ effect: null, view: null, problem: error.message }]
  }
}
