/** PUT, GET, DELETE and list of what an account keeps by name: the same four routes for each kind of thing. */
import type { TSchema } from 'typebox'
import type { Page, PageQuery, Principal, Scope } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { type Need, principalOf } from '../auth.js'
import { answers, bearer, NoContent, PageQuerySchema, pageAnswer, pageOf } from '../schemas/common.js'

export interface NamedThings<Settings, View> {
  /** In the path and as the tag: templates. */
  plural: string
  /** With its article: a template. */
  one: string
  params: TSchema
  settings: TSchema
  view: TSchema
  /** What a key needs to look at them; absent: `read`. */
  look?: Scope
  /** Who may list them; absent: a key of the account. */
  listedBy?: Need
  api: {
    put(principal: Principal, name: string, settings: Settings): Promise<View>
    get(principal: Principal, name: string): View
    list(principal: Principal, query: PageQuery): Page<View>
    remove(principal: Principal, name: string): Promise<void>
  }
}

export function namedThingRoutes<Settings, View>(app: App, things: NamedThings<Settings, View>): void {
  const { plural, one, params, settings, view, look = 'read', listedBy = 'account', api } = things
  const about = { tags: [plural], security: bearer }
  const noun = one.slice(one.indexOf(' ') + 1)
  const change = { auth: 'account', scope: 'manage' } as const
  const nameOf = ({ params: given }: { params: unknown }): string => (given as { name: string }).name
  const path = `/v1/${plural}/:name`
  app.put(
    path,
    {
      config: change,
      schema: {
        ...about,
        summary: `Make or replace ${one}`,
        params,
        body: settings,
        response: answers({ 200: view }),
      },
    },
    async (request) => api.put(principalOf(request), nameOf(request), request.body as Settings),
  )
  app.get(
    path,
    {
      config: { auth: 'account', scope: look },
      schema: { ...about, summary: `One ${noun}`, params, response: answers({ 200: view }) },
    },
    async (request) => api.get(principalOf(request), nameOf(request)),
  )
  const title = plural[0]!.toUpperCase() + plural.slice(1)
  app.get(
    `/v1/${plural}`,
    {
      config: { auth: listedBy, scope: look },
      schema: {
        ...about,
        summary: `List ${plural}`,
        querystring: PageQuerySchema,
        response: answers({ 200: pageAnswer(view, `${title} by name.`) }),
      },
    },
    async (request) => api.list(principalOf(request), pageOf(request.query as PageQuery)),
  )
  app.delete(
    path,
    {
      config: change,
      schema: { ...about, summary: `Delete ${one}`, params, response: answers({ 204: NoContent }) },
    },
    async (request, reply) => {
      await api.remove(principalOf(request), nameOf(request))
      return reply.code(204).send()
    },
  )
}
