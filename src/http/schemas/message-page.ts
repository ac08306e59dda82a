/** Pages of messages, which say what they lack. */
import { type TSchema, Type } from 'typebox'
import { pageAnswer } from './common.js'

/** Lists that can lack what is stored and cannot be read. */
export function messagePageAnswer<T extends TSchema>(items: T, description: string) {
  const { properties } = pageAnswer(items, description)
  const damaged = Type.Optional(
    Type.Array(Type.String(), {
      description:
        'Only where stored messages that may belong here cannot be read: the id of the message, or of the first one of a block of up to 256. The log of the engine names them too.',
    }),
  )
  return Type.Object({ ...properties, damaged }, { description })
}
