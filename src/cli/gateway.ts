/** `trunkline gateway`: a SIP gateway with telephones behind it, on real sockets. */
import { mkdirSync } from 'node:fs'
import type { TlsOptions } from 'node:tls'
import { FATE_HELP, parseFates } from '../sip/simulator/fates.js'
import { Gateway } from '../sip/simulator/gateway.js'
import type { GatewayOptions } from '../sip/simulator/gateway-options.js'
import {
  type Command,
  numberOption,
  type OptionTable,
  type OptionValues,
  portOption,
  readArguments,
  textOption,
  UsageError,
  understood,
} from './command.js'
import { fileBytes } from './file-bytes.js'
import { liveAsProcess } from './simulator-life.js'

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const options: OptionTable = {
  host: text,
  port: text,
  transport: text,
  'tls-cert': text,
  'tls-key': text,
  'ring-ms': text,
  'talk-ms': text,
  'hangup-ms': text,
  'digit-after-ms': text,
  'reinvite-ms': text,
  digits: text,
  faults: text,
  endings: text,
  loss: text,
  codecs: text,
  ringing: text,
  'max-calls': text,
  'calls-per-second': text,
  user: text,
  password: text,
  digest: text,
  challenge: text,
  'nonce-seconds': text,
  'rtp-ports': text,
  record: text,
  ledger: text,
  'stats-port': text,
  seed: text,
  reliable: flag,
  speaks: flag,
  'bye-connects': flag,
  json: flag,
}

export const gateway: Command = {
  help: `Usage: trunkline gateway [options]

A SIP gateway with telephones behind it: takes calls, rings, answers, listens, presses digits. Runs until SIGTERM or SIGINT.
Its first line on stdout is {"listening":{"host":…,"port":…,"statsPort":…}}, its last one its counters, both JSON.

  --host ADDRESS        address of SIP and sound (127.0.0.1)
  --port PORT           port, 0 for any free one (5060; with tls 5061)
  --transport NAME      udp, tcp or tls (udp); --tls-cert FILE and --tls-key FILE with tls
  --ring-ms MS          from ringing to the answer (200)
  --talk-ms MS          answered telephones hang up after that long; absent: the caller does
  --faults LIST         what becomes of a share of the numbers, WORD=SHARE separated by commas (below);
                        for example busy=0.1,noanswer=0.05,press9=0.02
  --endings LIST        what becomes of numbers by their last digits, DIGITS=WORD; for example 01=busy,77=invalid,2=hangup
                        Either may end in :n, for the first n calls to a number only: 01=busy:1 is free at the second try
  --seed N              whose fate is what (1); a number has the same fate at each call
  --hangup-ms MS        when those hang up whose fate is hangup, from the answer (1500)
  --digit-after-ms MS   from the first sound to the digit (2000); --digits rfc4733 or info says how it is sent (rfc4733)
  --reinvite-ms MS      moves the sound to another port that long after the answer
  --loss SHARE          of the datagrams, in both directions, gets lost
  --codecs LIST         pcma, pcmu in order of preference (both)
  --ringing STATUS      180, or 183 with early media (180); --reliable asks for PRACK
  --speaks              telephones send silence all the time, as real ones do
  --bye-connects        BYE comes over a new connection (tcp, tls)
  --max-calls N, --calls-per-second N
                        what is above gets 503 and is counted
  --user U, --password P  asks for a digest login; --digest MD5 or SHA-256 (MD5), --challenge 407 or 401 (407),
                        --nonce-seconds N until a nonce is stale (300)
  --rtp-ports FROM-TO   ports of sound; absent: any free one
  --record FOLDER       keeps what each telephone heard, as WAV
  --ledger FILE         appends every call, a line each
  --stats-port PORT     its counters as JSON over HTTP; 0 for any free port. POST /hangup there: all telephones hang up
  --json                accepted for uniformity: what it prints is JSON anyway

Words:
  ${FATE_HELP.replaceAll('\n', '\n  ')}

Examples:
  trunkline gateway --port 5060 --faults busy=0.1,press9=0.02 --record heard
  trunkline gateway --user trunk --password secret --digest SHA-256 --max-calls 30`,

  async run(argv) {
    const { values } = readArguments(argv, options, 0)
    await runGateway(gatewayOptions(values), portOption(values, 'stats-port'))
    return 0
  },
}

async function runGateway(options: GatewayOptions, statsPort: number | undefined): Promise<void> {
  if (options.recordFolder !== undefined) mkdirSync(options.recordFolder, { recursive: true })
  const gateway = new Gateway(options)
  const port = await gateway.listen()
  await liveAsProcess({
    ...{ host: options.host, port, statsPort },
    stats: () => gateway.stats(),
    posts: {
      '/hangup': async () => {
        gateway.hangUpAll()
        return {}
      },
    },
    close: () => gateway.close(),
  })
}

function gatewayOptions(values: OptionValues): GatewayOptions {
  const transport = oneOf(values, 'transport', ['udp', 'tcp', 'tls'] as const) ?? 'udp'
  const faults = textOption(values, 'faults') ?? ''
  const endings = textOption(values, 'endings') ?? ''
  const seed = numberOption(values, 'seed') ?? 1
  understood(() => parseFates(faults, endings, seed))
  const challenge = oneOf(values, 'challenge', ['401', '407'] as const)
  const ringing = oneOf(values, 'ringing', ['180', '183'] as const)
  return {
    host: textOption(values, 'host') ?? '127.0.0.1',
    port: portOption(values, 'port') ?? (transport === 'tls' ? 5061 : 5060),
    transport,
    ...(transport === 'tls' ? { tls: tlsOf(values) } : {}),
    ...{ faults, endings, seed },
    ringMs: numberOption(values, 'ring-ms'),
    talkMs: numberOption(values, 'talk-ms'),
    hangUpMs: numberOption(values, 'hangup-ms'),
    digitAfterMs: numberOption(values, 'digit-after-ms'),
    reinviteMs: numberOption(values, 'reinvite-ms'),
    digitsBy: oneOf(values, 'digits', ['rfc4733', 'info'] as const),
    loss: numberOption(values, 'loss', 0, 1),
    codecs: codecsOf(values),
    ringing: ringing === undefined ? undefined : (Number(ringing) as 180 | 183),
    maxCalls: numberOption(values, 'max-calls', 1),
    callsPerSecond: numberOption(values, 'calls-per-second'),
    user: textOption(values, 'user'),
    password: textOption(values, 'password'),
    algorithm: oneOf(values, 'digest', ['MD5', 'SHA-256'] as const),
    challenge: challenge === undefined ? undefined : (Number(challenge) as 401 | 407),
    nonceSeconds: numberOption(values, 'nonce-seconds'),
    rtpPorts: portsOf(values),
    recordFolder: textOption(values, 'record'),
    ledgerPath: textOption(values, 'ledger'),
    isReliable: values.reliable === true,
    speaks: values.speaks === true,
    connectsForBye: values['bye-connects'] === true,
  }
}

function oneOf<Word extends string>(values: OptionValues, name: string, words: readonly Word[]): Word | undefined {
  const value = textOption(values, name)
  if (value === undefined || (words as readonly string[]).includes(value)) return value as Word | undefined
  throw new UsageError(`--${name} must be one of ${words.join(', ')}, not "${value}"`)
}

function codecsOf(values: OptionValues): ('pcma' | 'pcmu')[] | undefined {
  const codecs = textOption(values, 'codecs')?.split(',')
  if (codecs?.some((codec) => codec !== 'pcma' && codec !== 'pcmu')) {
    throw new UsageError(`--codecs must be of pcma and pcmu, not "${codecs.join(',')}"`)
  }
  return codecs as ('pcma' | 'pcmu')[] | undefined
}

function portsOf(values: OptionValues): { from: number; to: number } | undefined {
  const range = textOption(values, 'rtp-ports')
  if (range === undefined) return undefined
  const [, from, to] = /^(\d{1,5})-(\d{1,5})$/.exec(range)?.map(Number) ?? []
  if (from === undefined || to === undefined || from < 1 || to < from || to > 65_535) {
    throw new UsageError(`--rtp-ports must be FROM-TO, such as 20000-20999, not "${range}"`)
  }
  return { from, to }
}

function tlsOf(values: OptionValues): TlsOptions {
  const cert = textOption(values, 'tls-cert')
  const key = textOption(values, 'tls-key')
  if (cert === undefined || key === undefined) throw new UsageError('--transport tls needs --tls-cert and --tls-key')
  return { cert: fileBytes(cert), key: fileBytes(key) }
}
