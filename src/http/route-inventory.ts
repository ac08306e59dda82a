/**
 * Every route as it was registered: refuses to start when one says nothing about keys, scopes or schemas, and knows the methods
 * of a path for 405.
 */
import assert from 'node:assert'
import type { RouteOptions } from 'fastify'
import { scopeOf } from './auth.js'
import { docsPrefix } from './openapi.js'

export class RouteInventory {
  readonly #methods = new Map<string, Set<string>>()

  /** For the onRoute hook. */
  add(route: RouteOptions): void {
    if (route.url.startsWith(docsPrefix)) {
      route.config = { ...route.config, auth: 'none' }
      return
    }
    assert(route.config?.auth !== undefined, `${route.url} does not say which key it needs`)
    const isForAccounts = route.config.auth === 'account' || route.config.auth === 'any'
    for (const method of [route.method].flat()) {
      const scope = scopeOf(method, route.config.scope)
      assert(!isForAccounts || scope !== null, `${method} ${route.url} does not say which scope a key needs for it`)
    }
    assert(route.schema?.response !== undefined, `${route.url} has no response schema`)
    assert(route.schema.security !== undefined, `${route.url} does not document its key`)
    const methods = this.#methods.get(route.url) ?? new Set()
    for (const method of [route.method].flat()) methods.add(method)
    this.#methods.set(route.url, methods)
  }

  /** What may be asked of this path; empty when no route has it. */
  methodsOf(path: string): string[] {
    const segments = path.split('/')
    for (const [pattern, methods] of this.#methods) {
      if (fits(pattern.split('/'), segments)) return [...methods].sort()
    }
    return []
  }
}

function fits(pattern: string[], segments: string[]): boolean {
  if (pattern.length !== segments.length) return false
  return pattern.every((part, index) => part === segments[index] || (part.startsWith(':') && segments[index] !== ''))
}
