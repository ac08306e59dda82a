/** What a schema cannot say: names that must be unique, names that must exist. */
import type { Problem } from './explain.js'
import type { Config } from './schema.js'

export function relations(config: Config): Problem[] {
  return [...uniqueCarriers(config), ...routes(config)]
}

function uniqueCarriers(config: Config): Problem[] {
  const first = new Map<string, number>()
  const problems: Problem[] = []
  config.carriers.forEach(({ id }, index) => {
    const before = first.get(id)
    if (before === undefined) first.set(id, index)
    else problems.push({ path: ['carriers', index, 'id'], text: `"${id}" is the id of carriers[${before}] already` })
  })
  return problems
}

function routes(config: Config): Problem[] {
  const known = config.carriers.map(({ id }) => id)
  const problems: Problem[] = []
  config.routes.forEach((route, index) => {
    if (route.channel !== 'sms') {
      problems.push({ path: ['routes', index, 'channel'], text: `${route.channel} is not built yet; only sms is` })
    }
    route.carriers.forEach((id, place) => {
      if (known.includes(id)) return
      const there = known.length === 0 ? 'there are no carriers' : `there are: ${known.join(', ')}`
      problems.push({ path: ['routes', index, 'carriers', place], text: `no carrier has the id "${id}"; ${there}` })
    })
  })
  return problems
}
