/** What the configuration says of the FTP site of dropped files. */
import { type Static, Type } from 'typebox'

export const DropFtpSchema = Type.Object(
  {
    host: Type.String({ default: '0.0.0.0', description: 'Address that the FTP site listens on.' }),
    port: Type.Integer({
      minimum: 0,
      maximum: 65535,
      default: 2121,
      description: 'TCP port of the FTP site; 0: any free port.',
    }),
  },
  { additionalProperties: false, description: 'Takes files over FTP with TLS; absent: no FTP.' },
)

export type DropFtpConfig = Static<typeof DropFtpSchema>
