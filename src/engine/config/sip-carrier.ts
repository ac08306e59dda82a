/**
 * The keys of one SIP carrier: a trunk, a session border controller or a PBX that takes calls. Type, default, unit, bounds
 * and description of each.
 */
import { type Static, Type } from 'typebox'
import { callOutcomeKeys } from './sip-outcomes.js'
import { tlsKeys } from './tls-keys.js'

const strict = { additionalProperties: false }

/** Calls that one engine carries at once on a machine of two cores. */
const CALLS_MOST = 300

const TlsOptions = Type.Object(tlsKeys, { ...strict, description: 'How certificates are verified; they always are.' })

/** The user part of a SIP URI: a number, or an extension or name of a PBX. */
const USER = '^[+]?[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'

const gatewayKeys = {
  host: Type.Optional(Type.String({ minLength: 1, description: 'Host name or address of the gateway.' })),
  port: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65535,
      description: 'Port of the gateway; absent: as the DNS says of its name (SRV), else 5060, with tls 5061.',
    }),
  ),
  hosts: Type.Array(Type.String({ pattern: '^(?:[^\\s:\\[\\]]+|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?$' }), {
    default: [],
    maxItems: 32,
    description:
      'Further gateways, each `name` or `name:port`, in order of preference: one that fails or says nothing is left for the next at once.',
  }),
  transport: Type.Union([Type.Literal('udp'), Type.Literal('tcp'), Type.Literal('tls')], {
    default: 'udp',
    description: 'How SIP is carried. The sound is RTP over UDP in any case.',
  }),
  tlsOptions: Type.Optional(TlsOptions),
  domain: Type.Optional(
    Type.String({
      pattern: '^(?:[A-Za-z0-9.-]{1,253}|\\[[0-9A-Fa-f:.]+\\])$',
      description: 'Domain of the From and To URIs, and of the registration; absent: host.',
    }),
  ),
  user: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'For digest authentication; absent: by IP address alone.',
    }),
  ),
  password: Type.String({ default: '', maxLength: 256, description: 'For digest authentication.' }),
  register: Type.Boolean({ default: false, description: 'Registers user at the gateway before it calls.' }),
  registerSeconds: Type.Integer({
    minimum: 60,
    maximum: 86_400,
    default: 300,
    description: 'How long a registration is asked for; it is renewed before it ends.',
  }),
  optionsSeconds: Type.Integer({
    minimum: 0,
    maximum: 3_600,
    default: 30,
    description:
      'Each gateway is asked so often whether it is there (OPTIONS); any answer will do, two misses mean down. 0: never.',
  }),
  localAddress: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'Address of this machine for SIP and sound; absent: as the system routes.',
    }),
  ),
  localPort: Type.Integer({
    minimum: 0,
    maximum: 65535,
    default: 0,
    description: 'Port of our SIP side; 0: any free one.',
  }),
  advertisedAddress: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'Address that the gateway is told to answer to, where a NAT stands between; absent: our own.',
    }),
  ),
}

const callerKeys = {
  callerId: Type.Optional(
    Type.String({
      pattern: USER,
      description: 'Number shown to the called: +4420… or an extension of the PBX. Absent: user.',
    }),
  ),
  callerIds: Type.Array(Type.String({ pattern: USER }), {
    default: [],
    maxItems: 10_000,
    description: 'Further numbers that a message may name as its sender; any other sender gives way to callerId.',
  }),
  callerName: Type.String({
    default: '',
    maxLength: 64,
    pattern: '^[^\\u0000-\\u001f\\u007f]*$',
    description: 'Name shown to the called.',
  }),
  hideCallerId: Type.Boolean({
    default: false,
    description: 'The called see no number (Privacy: id, RFC 3323); the carrier still does.',
  }),
}

const Dial = Type.Object(
  {
    plus: Type.Boolean({ default: true, description: 'Numbers are dialled as +4420…, else as 4420….' }),
    strip: Type.String({
      default: '',
      pattern: '^[0-9]{0,15}$',
      description: 'Country code that is left out, such as 44: the number is dialled as a national one, without plus.',
    }),
    prefix: Type.String({
      default: '',
      pattern: '^[0-9*#]{0,15}$',
      description: 'Written in front of every number, such as 0 with strip, or the 9 for an outside line of a PBX.',
    }),
  },
  { ...strict, default: {}, description: 'How the gateway wants numbers written.' },
)

const callKeys = {
  dial: Dial,
  maxCalls: Type.Integer({
    minimum: 1,
    maximum: CALLS_MOST,
    default: 30,
    description: 'Calls at once, from the first request to the end; never exceeded.',
  }),
  callsPerSecond: Type.Number({
    exclusiveMinimum: 0,
    maximum: 100,
    default: 5,
    description: 'Calls begun in any second, those to a further gateway included; never exceeded.',
  }),
  provisionalMs: Type.Integer({
    minimum: 200,
    maximum: 32_000,
    default: 4_000,
    description: 'A gateway that says nothing to a call for so long is left for the next one.',
  }),
  ringSeconds: Type.Integer({
    minimum: 1,
    maximum: 180,
    default: 40,
    description: 'How long it rings before we give up.',
  }),
  maxCallSeconds: Type.Integer({
    minimum: 5,
    maximum: 3_600,
    default: 180,
    description: 'Longest call after the answer.',
  }),
  playDelayMs: Type.Integer({
    minimum: 0,
    maximum: 10_000,
    default: 500,
    description: 'From the answer to the first sound.',
  }),
  tailMs: Type.Integer({
    minimum: 0,
    maximum: 60_000,
    default: 2_000,
    description: 'From the last sound to the end of the call, for a digit that is still to come.',
  }),
  heardPercent: Type.Integer({
    minimum: 1,
    maximum: 100,
    default: 80,
    description: 'So much of the message must have been played for it to count as delivered.',
  }),
  codecs: Type.Array(Type.Union([Type.Literal('pcma'), Type.Literal('pcmu')]), {
    default: ['pcma', 'pcmu'],
    minItems: 1,
    maxItems: 2,
    uniqueItems: true,
    description: 'G.711 A-law and µ-law in order of preference.',
  }),
  rtpPorts: Type.Object(
    {
      from: Type.Integer({ minimum: 1024, maximum: 65534, default: 16_384, description: 'First port; even.' }),
      to: Type.Integer({ minimum: 1025, maximum: 65535, default: 32_767, description: 'Last port; odd.' }),
    },
    {
      ...strict,
      default: {},
      description: 'UDP ports for sound; each call takes two, which rest before they are used again.',
    },
  ),
}

const digitKeys = {
  optOutDigit: Type.String({
    pattern: '^[0-9*#]?$',
    default: '9',
    description: "Whoever presses it is called no more by this account, and the call ends. '': none.",
  }),
  repeatDigit: Type.String({ pattern: '^[0-9*#]?$', default: '1', description: "Plays the message again. '': none." }),
  expectedDigits: Type.String({
    pattern: '^[0-9*#]{0,12}$',
    default: '',
    description:
      'Digits that answer the message, such as 12 for yes and no: whoever presses one has heard it, and webhooks tell which.',
  }),
}

const retryKeys = {
  attempts: Type.Integer({
    minimum: 1,
    maximum: 20,
    default: 3,
    description: 'Calls to one number altogether, where it is busy, does not answer or hangs up too soon.',
  }),
  retryMinutes: Type.Array(Type.Number({ minimum: 0.01, maximum: 10_080 }), {
    default: [10, 30, 120],
    minItems: 1,
    maxItems: 20,
    description: 'Between one call and the next; the last stands for all that follow.',
  }),
}

export const SipCarrierSchema = Type.Object(
  {
    id: Type.String({
      pattern: '^[a-z0-9][a-z0-9_-]{0,31}$',
      description: 'Name of the carrier in routes, metrics and reports.',
    }),
    protocol: Type.Literal('sip', { description: 'A gateway that takes calls to landlines.' }),
    ...gatewayKeys,
    ...callerKeys,
    ...callKeys,
    ...digitKeys,
    ...retryKeys,
    ...callOutcomeKeys,
  },
  strict,
)

export type SipCarrierConfig = Static<typeof SipCarrierSchema>
