/** The routes of a configuration with those that need not be written: a channel that has none goes to all its carriers in order. */
import { CHANNEL_OF } from './carrier.js'
import type { Config, RouteConfig } from './schema.js'

export function configuredRoutes({ routes, carriers }: Pick<Config, 'routes' | 'carriers'>): RouteConfig[] {
  const channels = [...new Set(carriers.map(({ protocol }) => CHANNEL_OF[protocol]))]
  const added = channels
    .filter((channel) => routes.every((route) => route.channel !== channel))
    .map((channel) => {
      const own = carriers.filter(({ protocol }) => CHANNEL_OF[protocol] === channel)
      return { channel, prefix: '', carriers: own.map(({ id }) => id) }
    })
  return [...routes, ...added]
}
