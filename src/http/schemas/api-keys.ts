/** Bodies and answers about API keys. */
import { Type } from 'typebox'
import { SCOPES } from '../../engine/contract/api.js'
import { nullable, oneOf, strict, Timestamp, text } from './common.js'

const Scopes = Type.Array(
  oneOf(SCOPES, 'read: every GET. send: messages and jobs. manage: templates, contacts, webhooks and the like.'),
  { minItems: 1, uniqueItems: true, description: 'What the key may do; absent: everything.' },
)
const Cidrs = Type.Array(Type.String({ maxLength: 64, description: 'An address or a range such as 192.0.2.0/24.' }), {
  maxItems: 100,
  description: 'Where requests may come from; absent or empty: from anywhere.',
})

const settings = {
  name: Type.Optional(text('For people, to tell keys apart.')),
  scopes: Type.Optional(Scopes),
  expiresAt: Type.Optional(text('RFC 3339; absent: it does not expire.', 40)),
  cidrs: Type.Optional(Cidrs),
}
export const KeyCreateSchema = Type.Object(settings, { ...strict, description: 'Everything may be left out.' })

const view = {
  id: Type.String(),
  name: nullable(Type.String()),
  prefix: Type.String({ description: 'First characters of the key, to recognise it by.' }),
  scopes: Type.Array(oneOf(SCOPES, 'What it may do.')),
  cidrs: Type.Array(Type.String()),
  createdAt: Timestamp,
  expiresAt: nullable(Type.String()),
  expired: Type.Boolean(),
  lastUsedAt: nullable(Type.String()),
}
export const KeySchema = Type.Object(view)
export const KeyCreatedSchema = Type.Object(
  { ...view, key: Type.String({ description: 'Shown this once.' }) },
  { description: 'A further key.' },
)
export const KeyParams = Type.Object({ id: Type.String(), keyId: Type.String() })
