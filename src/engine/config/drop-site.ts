/** What the configuration says of both servers into the drop folders: limits of log-ins, sessions and uploads. */
import { type Static, Type } from 'typebox'

const MINUTE_SECONDS = 60

export const DropSiteSchema = Type.Object(
  {
    publicHost: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description: 'Name that clients connect to, shown with a new log-in; absent: the host of http.publicUrl.',
      }),
    ),
    accountBytesMax: Type.Integer({
      minimum: 1,
      default: 100 * 1024 ** 3,
      description: 'An account uploads no more while its folder, with processed/ and error/, holds so many bytes.',
    }),
    bytesPerSecond: Type.Optional(
      Type.Integer({
        minimum: 1_024,
        description: 'Upload rate of one log-in over all its sessions; absent: no limit.',
      }),
    ),
    sessionsPerLogin: Type.Integer({
      minimum: 1,
      maximum: 1_000,
      default: 20,
      description: 'Sessions that one log-in may have at once.',
    }),
    sessionsPerAddress: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: 100,
      description: 'Connections that one address may have at once, whoever logs in.',
    }),
    sessions: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: 500,
      description: 'Connections over all addresses, each server by itself.',
    }),
    handles: Type.Integer({
      minimum: 1,
      maximum: 1_000,
      default: 64,
      description: 'Files and folders that one session may have open at once.',
    }),
    idleSeconds: Type.Integer({
      minimum: 10,
      maximum: 86_400,
      default: 10 * MINUTE_SECONDS,
      description: 'A session that asks nothing for so long is closed.',
    }),
    loginSeconds: Type.Integer({
      minimum: 2,
      maximum: 600,
      default: 60,
      description: 'From connecting to being logged in, at the longest.',
    }),
    loginTries: Type.Integer({
      minimum: 1,
      maximum: 1_000,
      default: 10,
      description: 'Refused log-ins from one address within lockSeconds before it is locked out for as long.',
    }),
    loginTriesPerUser: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: 50,
      description: 'The same per user name from any address; keys still open a locked one.',
    }),
    lockSeconds: Type.Integer({
      minimum: 1,
      maximum: 86_400,
      default: 15 * MINUTE_SECONDS,
      description: 'How long refused log-ins count, and how long a lock lasts.',
    }),
  },
  { additionalProperties: false, default: {}, description: 'Limits of SFTP and FTP.' },
)

export type DropSiteConfig = Static<typeof DropSiteSchema>
