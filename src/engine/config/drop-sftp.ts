/** What the configuration says of the SFTP site of dropped files. */
import { type Static, Type } from 'typebox'

export const DropSftpSchema = Type.Object(
  {
    host: Type.String({ default: '0.0.0.0', description: 'Address that the SFTP site listens on.' }),
    port: Type.Integer({
      minimum: 0,
      maximum: 65535,
      default: 2222,
      description: 'TCP port of the SFTP site; 0: any free port.',
    }),
  },
  { additionalProperties: false, description: 'Takes files over SFTP; absent: no SFTP.' },
)

export type DropSftpConfig = Static<typeof DropSftpSchema>
