/** What brings subscribers' messages to an account, and how long replies are its own: settings and answers. */
import { Type } from 'typebox'
import { limits } from '../../engine/contract/limits.js'
import { nullable, strict, text } from './common.js'

export const LockSeconds = nullable(
  Type.Integer({
    minimum: 0,
    maximum: limits.lockSecondsMax,
    description:
      'How long replies are its own, where a message or job does not say; 0: not at all; null: as configured.',
  }),
)

/** Of a job or a message. */
export const ConversationLock = Type.Unsafe<boolean | number>({
  type: ['boolean', 'integer'],
  minimum: 0,
  maximum: limits.lockSecondsMax,
  description: 'Replies are routed to you: true for the usual time, or so many seconds after the sending; false: not.',
})

const OwnNumber = text('A number such as +447700900000, or a short code.', 24)
const Keyword = text('One word; case and accents aside.', 32)

export const InboundSettingsSchema = Type.Object(
  {
    numbers: Type.Optional(
      Type.Array(OwnNumber, { maxItems: limits.inboundNumbers, description: 'Its own numbers. Replaces the list.' }),
    ),
    keywords: Type.Optional(
      Type.Array(
        Type.Object(
          {
            keyword: Keyword,
            number: Type.Optional(nullable(OwnNumber)),
            overridesLock: Type.Optional(
              Type.Boolean({ description: 'Also where another account has the conversation lock.' }),
            ),
          },
          strict,
        ),
        { maxItems: limits.inboundKeywords, description: 'First words of texts that are for it. Replaces the list.' },
      ),
    ),
  },
  { ...strict, description: 'What is routed to the account where no conversation lock holds.' },
)

export const InboundRulesSchema = Type.Object(
  {
    numbers: Type.Array(OwnNumber),
    keywords: Type.Array(Type.Object({ keyword: Keyword, number: nullable(OwnNumber), overridesLock: Type.Boolean() })),
  },
  { description: 'What is routed to the account where no conversation lock holds.' },
)
