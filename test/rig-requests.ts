/** Requests to the engine process of a rig, of which a kill may swallow the answer. */
import { ADMIN_KEY } from '../bench/processes.js'
import type { Rig } from './acceptance-run.js'

export async function post<T>(rig: Rig, route: string, body: object, key?: string): Promise<T> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'trunkline-account': 'acme' }
  const answer = await fetch(rig.engine.url + route, {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body: JSON.stringify(body),
  })
  const json = (await answer.json()) as T
  if (!answer.ok) throw new Error(JSON.stringify(json))
  return json
}

/** What the request answers, also when a kill swallowed the answer; null: it did. */
export async function orKilled<T>(asked: Promise<T>): Promise<T | null> {
  return await asked.catch((error: Error) => {
    if (error.message.startsWith('{')) throw error
    return null
  })
}
