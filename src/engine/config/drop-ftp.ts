/** What the configuration says of the FTP site of dropped files. */
import { type Static, Type } from 'typebox'

const strict = { additionalProperties: false }
const PORT_MAX = 65_535

export const DropFtpSchema = Type.Object(
  {
    host: Type.String({ default: '0.0.0.0', description: 'Address that the FTP site listens on.' }),
    port: Type.Integer({
      minimum: 0,
      maximum: PORT_MAX,
      default: 2121,
      description: 'TCP port of the FTP site; 0: any free port.',
    }),
    allowPlain: Type.Boolean({
      default: false,
      description:
        'Passwords and files may also come unencrypted, as Windows Explorer sends them; otherwise TLS is required (AUTH TLS, PROT P).',
    }),
    cert: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'File of the certificate with its chain, in PEM; read again when it was renewed. Absent: one that signs itself, made at the first start in dataDir/ftp.',
      }),
    ),
    key: Type.Optional(Type.String({ minLength: 1, description: 'File of its private key, in PEM.' })),
    publicAddress: Type.Optional(
      Type.String({
        pattern: '^\\d{1,3}(\\.\\d{1,3}){3}$',
        description:
          'IPv4 address that clients reach this host at, for PASV behind NAT or in a container; absent: the one they connected to.',
      }),
    ),
    passivePorts: Type.Optional(
      Type.Object(
        {
          from: Type.Integer({ minimum: 1, maximum: PORT_MAX, description: 'First port.' }),
          to: Type.Integer({ minimum: 1, maximum: PORT_MAX, description: 'Last port.' }),
        },
        { ...strict, description: 'Ports for data connections, to be opened in a firewall; absent: any free port.' },
      ),
    ),
    active: Type.Boolean({
      default: false,
      description:
        'Data connections may be made from here to the client (PORT, EPRT), to its own address and to ports from 1024 on only.',
    }),
    requireSessionReuse: Type.Boolean({
      default: false,
      description:
        'A data connection must go on with the TLS session of its log-in. FileZilla, WinSCP, lftp and curl do; some libraries do not.',
    }),
  },
  { ...strict, description: 'Takes files over FTP with TLS; absent: no FTP.' },
)

export type DropFtpConfig = Static<typeof DropFtpSchema>
