/** How a carrier's certificate is verified, and which one we show: the keys that carriers of all protocols have in common. */
import { Type } from 'typebox'

export const tlsKeys = {
  ca: Type.Optional(Type.String({ description: 'PEM of the authority, best by file reference.' })),
  servername: Type.Optional(Type.String({ description: 'Name in the certificate, where it is not host.' })),
  cert: Type.Optional(Type.String({ description: 'PEM of our own certificate.' })),
  key: Type.Optional(Type.String({ description: 'PEM of our own key.' })),
  minVersion: Type.Optional(
    Type.Union([Type.Literal('TLSv1.2'), Type.Literal('TLSv1.3')], {
      description: 'Oldest version that is spoken; absent: TLSv1.2.',
    }),
  ),
}
