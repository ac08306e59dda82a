/** What the configuration says of SFTP into the drop folders. */
import { type Static, Type } from 'typebox'

const KeyFile = Type.String({ minLength: 1 })

export const DropSftpSchema = Type.Object(
  {
    host: Type.String({ default: '0.0.0.0', description: 'Address that SFTP listens on.' }),
    port: Type.Integer({
      minimum: 0,
      maximum: 65535,
      default: 2222,
      description: 'TCP port of SFTP; 0: any free port.',
    }),
    hostKey: Type.Optional(
      Type.Union([KeyFile, Type.Array(KeyFile, { minItems: 1, maxItems: 4 })], {
        description:
          'Files of private keys (OpenSSH or PEM, without passphrase), or the keys themselves; a file that does not exist is made at the first start, ed25519. Absent: ed25519 and RSA are made in dataDir/sftp.',
      }),
    ),
    banner: Type.Optional(Type.String({ maxLength: 4_096, description: 'Shown by most clients before the log-in.' })),
  },
  { additionalProperties: false, description: 'SFTP into the drop folders; absent: none.' },
)

export type DropSftpConfig = Static<typeof DropSftpSchema>
