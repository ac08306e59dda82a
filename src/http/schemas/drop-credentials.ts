/** Bodies and answers of log-ins to the drop folders. */
import { Type } from 'typebox'
import { nullable, oneOf, strict, Timestamp, text } from './common.js'

export const DropCredentialCreateSchema = Type.Object(
  {
    username: Type.Optional(text('Unique over all accounts; absent: made from the id of the account.', 63, 2)),
    password: Type.Optional(
      nullable(text('At least 12 characters. Absent: made; null: none, only the keys open it.', 256)),
    ),
    publicKeys: Type.Optional(
      Type.Array(text('A line of a .pub file: ed25519, ECDSA, or RSA of 2048 bits at least.', 8_192), {
        maxItems: 20,
        description: 'For SFTP.',
      }),
    ),
    description: Type.Optional(nullable(text('For people, to tell log-ins apart.', 256))),
    expiresAt: Type.Optional(nullable(text('RFC 3339; absent: it does not expire.', 40))),
    cidrs: Type.Optional(
      Type.Array(Type.String({ maxLength: 64, description: 'An address or a range such as 192.0.2.0/24.' }), {
        maxItems: 100,
        description: 'Where it may be used from; absent or empty: from anywhere.',
      }),
    ),
  },
  { ...strict, description: 'Everything may be left out.' },
)

const view = {
  id: Type.String(),
  account: Type.String(),
  username: Type.String(),
  hasPassword: Type.Boolean(),
  publicKeys: Type.Array(
    Type.Object({
      type: Type.String(),
      fingerprint: Type.String({ description: 'As ssh-keygen -l shows it.' }),
      comment: Type.String(),
    }),
  ),
  description: nullable(Type.String()),
  cidrs: Type.Array(Type.String()),
  createdAt: Timestamp,
  expiresAt: nullable(Type.String()),
  expired: Type.Boolean(),
  lastUsedAt: nullable(Type.String()),
}
export const DropCredentialSchema = Type.Object(view)

const place = { host: Type.String(), port: Type.Integer() }
const Connect = Type.Object(
  {
    sftp: nullable(
      Type.Object({
        ...place,
        hostKeys: Type.Array(
          Type.Object({
            type: Type.String(),
            fingerprint: Type.String({ description: 'What the client shows at its first connection.' }),
          }),
        ),
      }),
    ),
    ftp: nullable(
      Type.Object({
        ...place,
        tls: oneOf(['required', 'offered', 'none'], 'Explicit TLS (AUTH TLS).'),
        fingerprint: nullable(Type.String({ description: 'SHA-256 of the certificate.' })),
      }),
    ),
  },
  { description: 'Where to connect to; null: this server is not configured.' },
)
export const DropCredentialCreatedSchema = Type.Object(
  { ...view, password: nullable(Type.String({ description: 'Shown this once.' })), connect: Connect },
  { description: 'The log-in.' },
)
export const DropCredentialParams = Type.Object({ id: Type.String(), credentialId: Type.String() })
