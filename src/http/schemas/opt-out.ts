/** The settings of an account about opting out. */
import { Type } from 'typebox'
import { nullable, oneOf, strict, text } from './common.js'

const Words = Type.Array(text('Compared without case, accents, spaces and punctuation.', 40), { maxItems: 100 })
const Confirmation = nullable(text('Answer; null: none. Absent: the built-in one.', 480))

const fields = {
  stopWords: Words,
  startWords: Words,
  helpWords: Words,
  words: oneOf(
    ['extend', 'replace'],
    'The lists stand beside the built-in words, or, where not empty, instead of them.',
  ),
  firstWord: Type.Boolean({ description: 'A word also counts at the beginning of a longer message.' }),
  scope: oneOf(['account', 'sender'], 'What STOP and the link end: all messages, or those of the sender.'),
  startLiftsAll: Type.Boolean({ description: 'START lifts what was imported too, not only STOP and link.' }),
  text: text('What `unsubscribe: text` adds.', 160),
  linkText: text('What stands before the link of `unsubscribe: link`.', 160, 0),
}
const confirmations = {
  stop: Type.Optional(Confirmation),
  start: Type.Optional(Confirmation),
  help: Type.Optional(Confirmation),
}

export const OptOutSettings = Type.Partial(
  Type.Object({ ...fields, confirmations: Type.Object(confirmations, strict) }, strict),
  { ...strict, description: 'STOP, START and HELP, and the way out that messages name; given keys only are changed.' },
)

export const OptOutView = Type.Object({ ...fields, confirmations: Type.Object(confirmations) })
