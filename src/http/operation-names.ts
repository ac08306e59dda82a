/**
 * Names of operations in the OpenAPI document, which generated clients use as function names: by rule from method and
 * path, so that a new route has one by itself. `GET /v1/jobs` is listJobs, `POST /v1/jobs/{id}/pause` is pauseJob.
 */

/** Last words of a path that are done to the thing before them rather than being things themselves. */
const VERBS = new Set(
  'cancel copy count explain pause preview replay resume retry route sample settle start'.split(' '),
)
/** Lists whose name does not end in s, and what ends in s without being a list. */
const LISTS = new Set(['inbound'])
const NO_LISTS = new Set(['metrics'])
const WRITES: Record<string, string> = { post: 'create', put: 'put', patch: 'update', delete: 'delete' }

/** `path` as OpenAPI writes it: `/v1/jobs/{id}`. */
export function operationName(method: string, path: string): string {
  const segments = path
    .replace(/^\/v1\//, '/')
    .split('/')
    .filter((part) => part !== '')
  const last = segments.at(-1) ?? 'root'
  const things = segments.filter((part) => !part.startsWith('{'))
  const isOne = last.startsWith('{')
  const verb = things.at(-1)!
  if (!isOne && VERBS.has(verb) && things.length > 1) return verb + pascal(owners(things.slice(0, -1), true))
  const isPlural = LISTS.has(verb) || (verb.endsWith('s') && !NO_LISTS.has(verb))
  if (method === 'get') return (isOne || !isPlural ? 'get' : 'list') + pascal(owners(things, isOne))
  const isWhole = method !== 'post' && !isOne
  return (WRITES[method] ?? method) + pascal(owners(things, !isWhole))
}

/** Things on the way are single ones; the last is, where one of it is meant. */
function owners(things: string[], isOne: boolean): string[] {
  return things.map((thing, index) => (index < things.length - 1 || isOne ? singular(thing) : thing))
}

function singular(thing: string): string {
  return thing.endsWith('s') && !thing.endsWith('ss') ? thing.slice(0, -1) : thing
}

function pascal(words: string[]): string {
  return words
    .flatMap((word) => word.split(/[^a-z0-9]+/i))
    .filter((word) => word !== '')
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join('')
}
