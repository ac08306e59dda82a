/** Counts what is answered 429 and 503, by code and bound. Main thread. */
import type { EngineError } from '../../engine/contract/errors.js'
import type { Counter, Metrics } from '../../engine/contract/metrics.js'

export type CountRefusal = (error: EngineError) => void

export function refusalCounter(metrics: Metrics): CountRefusal {
  const counters = new Map<string, Counter>()
  return ({ code, status, members }) => {
    if (status !== 429 && status !== 503) return
    const bound = typeof members.bound === 'string' ? members.bound : 'none'
    const name = `${code} ${bound}`
    let counter = counters.get(name)
    if (counter === undefined) {
      counter = metrics.counter('trunkline_requests_refused_total', { code, bound })
      counters.set(name, counter)
    }
    counter.add(1)
  }
}
