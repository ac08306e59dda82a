/** Keys of an SMPP carrier that say how it delivers subscribers' messages (carriers.md 39, 42, 65). */
import { Type } from 'typebox'

const strict = { additionalProperties: false }

/** Part of SmppCarrierSchema. */
export const inboundKeys = {
  inboundAccount: Type.Optional(
    Type.String({
      pattern: '^[a-z0-9][a-z0-9_-]{0,31}$',
      description:
        'Account that gets those messages of subscribers that no conversation lock, keyword or number brings to another; absent: none.',
    }),
  ),
  inbound: Type.Object(
    {
      ucs2ByteOrder: Type.Union([Type.Literal('sniff'), Type.Literal('big'), Type.Literal('little')], {
        default: 'sniff',
        description:
          'Order of octets of UCS-2 text without a byte order mark; sniff: big, but where only little gives a text.',
      }),
      trailingNul: Type.Union([Type.Literal('auto'), Type.Literal('keep'), Type.Literal('strip')], {
        default: 'auto',
        description:
          'Whether a last octet 0 of GSM 7-bit text is a NUL that the carrier counts, or @; auto: a NUL while every text has one.',
      }),
    },
    { ...strict, default: {}, description: 'How messages of subscribers come in.' },
  ),
}
