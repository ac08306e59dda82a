/** Shapes of the PDU trace. */
import { Type } from 'typebox'

export const TraceQuery = Type.Object(
  {
    bind: Type.Optional(Type.Integer({ minimum: 0, description: 'Index of one bind or gateway; absent: all.' })),
    number: Type.Optional(
      Type.String({
        pattern: '^\\+?[0-9]{3,20}$',
        description: 'Only PDUs from or to this number, and their answers. Its last digits are enough.',
      }),
    ),
    text: Type.Optional(
      Type.Boolean({
        description:
          'true shows the words of messages, and SIP messages whole with their numbers; they are masked otherwise. Passwords always are.',
      }),
    ),
    format: Type.Optional(
      Type.Union([Type.Literal('ndjson'), Type.Literal('pcap')], {
        description: 'ndjson (default): a decoded PDU a line. pcap: a capture file for Wireshark.',
      }),
    ),
  },
  { additionalProperties: false },
)
