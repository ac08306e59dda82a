/**
 * Keys of an SMPP carrier that shape the fields of submit_sm (SMPP 3.4 §4.4.1, §5.2): addresses, validity, priority and
 * the optional parameters that a carrier or a regulator asks for.
 */
import { Type } from 'typebox'
import { limits } from '../contract/limits.js'

const strict = { additionalProperties: false }

/** One optional parameter as people write it: carriers in the configuration, customers in a job or a message. */
export const TlvSchema = Type.Object(
  {
    tag: Type.Union([Type.Integer({ minimum: 1, maximum: 0xffff }), Type.String({ pattern: '^0x[0-9A-Fa-f]{1,4}$' })], {
      description: 'Tag: a number, or text such as 0x1400.',
    }),
    type: Type.Optional(
      Type.Union(
        [
          Type.Literal('string'),
          Type.Literal('cstring'),
          Type.Literal('int8'),
          Type.Literal('int16'),
          Type.Literal('int32'),
          Type.Literal('hex'),
        ],
        { description: 'string (absent): as it is; cstring: with NUL at its end; hex: octets as hex digits.' },
      ),
    ),
    value: Type.Union([Type.String({ maxLength: 2 * limits.tlvBytes }), Type.Integer({ minimum: 0 })], {
      description: 'Text (Latin-1), hex digits, or a number for the int types.',
    }),
  },
  strict,
)

export const Tlvs = Type.Array(TlvSchema, {
  maxItems: limits.tlvs,
  description: 'Optional parameters sent with each part, such as the ids that regulators ask for.',
})

const Source = Type.Object(
  {
    ton: Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 0, maximum: 6 })], {
      default: 'auto',
      description:
        'Type of number; auto: 5 for letters, 1 for a number with country code, 2 with a leading 0, 3 up to 8 digits.',
    }),
    npi: Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 0, maximum: 18 })], {
      default: 'auto',
      description: 'Numbering plan; auto: 1 for numbers, 0 for letters and up to 8 digits.',
    }),
    address: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'Sent instead of the sender of the message; empty: no sender at all, with TON and NPI 0.',
      }),
    ),
    plus: Type.Boolean({ default: false, description: 'Keep the + of a number.' }),
    maxLength: Type.Integer({
      minimum: 1,
      maximum: 64,
      default: 20,
      description: 'Longest sender in characters; what is longer is cut. 20 by the specification, some take more.',
    }),
  },
  { ...strict, default: {}, description: 'How the sender is marked (SMPP 3.4 §5.2.5).' },
)

const Destination = Type.Object(
  {
    ton: Type.Integer({ minimum: 0, maximum: 6, default: 1, description: 'Type of number; 1: international.' }),
    npi: Type.Integer({ minimum: 0, maximum: 18, default: 1, description: 'Numbering plan; 1: E.164.' }),
    prefix: Type.String({
      pattern: '^[+0-9]{0,8}$',
      default: '',
      description: 'Put before the digits, for carriers that want + or 00.',
    }),
  },
  { ...strict, default: {}, description: 'How the recipient is marked.' },
)

/** Part of SmppCarrierSchema. */
export const submitKeys = {
  source: Source,
  destination: Destination,
  serviceType: Type.String({
    default: '',
    maxLength: 5,
    pattern: '^[\\x20-\\x7e]*$',
    description: 'service_type of each part.',
  }),
  protocolId: Type.Integer({ minimum: 0, maximum: 255, default: 0, description: 'protocol_id of each part.' }),
  priorityFlag: Type.Integer({
    minimum: 0,
    maximum: 4,
    default: 0,
    description: 'priority_flag; above 0 changes price and route at some carriers.',
  }),
  validityPeriod: Type.Union([Type.Literal('none'), Type.Literal('relative'), Type.Literal('absolute')], {
    default: 'none',
    description:
      'How validForSeconds is told to the carrier; none: not at all, the engine alone stops sending. absolute is UTC.',
  }),
  replaceIfPresent: Type.Boolean({
    default: false,
    description: 'Sets replace_if_present_flag on the first try of a message of one part; never on a resend.',
  }),
  flashMode: Type.Union([Type.Literal('dcs0x10'), Type.Literal('dcs0xF0'), Type.Literal('subunit')], {
    default: 'dcs0x10',
    description:
      'How a flash message is marked: data_coding 0x10 (UCS-2 0x18), 0xF0 (UCS-2 0x18), or dest_addr_subunit 1.',
  }),
  userMessageReference: Type.Boolean({
    default: false,
    description: 'Sends user_message_reference, a number of the message from 0 to 65535.',
  }),
  tlvs: Type.Array(TlvSchema, {
    default: [],
    maxItems: limits.tlvs,
    description: 'Optional parameters of each part, by tag; those of a job or message of the same tag go before.',
  }),
}
