/** What becomes of the text of a call, as `explain` says it: all that would be spoken, or why it cannot be. Main thread. */
import type { ExplainQuestion, TextPart } from '../contract/explain.js'
import type { RoutePlan } from '../contract/ingest.js'
import { type ReasonCode, reasonHelp } from '../contract/reasons.js'
import { playItem } from '../text/prompts.js'
import type { ComposeAccount } from './compose.js'
import { type CallDeps, composeCall } from './compose-voice.js'
import type { FilledMessage } from './template-text.js'

export interface CallText {
  part: TextPart
  /** null: it can be said. */
  reason: ReasonCode | null
}

export interface CallQuestion {
  account: ComposeAccount
  question: ExplainQuestion
  /** null: none takes the number. */
  plan: RoutePlan | null
  /** The text is that of a message, with all that stands around it. */
  isStored: boolean
}

/** null: neither a text nor a play list is asked about. */
export function explainCall(deps: CallDeps, { account, question, plan, isStored }: CallQuestion): CallText | null {
  const { text, prompts, language, to = '' } = question
  if (text === undefined && prompts === undefined) return null
  if (isStored && text !== undefined) return { part: partOf(text, null), reason: null }
  const route = plan ?? ANY_ROUTE
  const spoken = composeCall(deps, { account, route, request: { to, text, language, play: playOf(prompts) } })
  if ('bytes' in spoken) return { part: partOf(spoken.text, null), reason: null }
  return { part: partOf(text ?? '', spoken.reason), reason: spoken.reason }
}

function playOf(prompts: ExplainQuestion['prompts']): FilledMessage['play'] {
  return prompts === undefined ? undefined : { items: prompts.map(playItem) }
}

const ANY_ROUTE: RoutePlan = {
  ...{ route: 0, channel: 'voice', prefix: '', carrier: '', alphabet: 'gsm7', longMessages: 'udh' },
  call: { callerIds: [], optOutDigit: '', repeatDigit: '' },
}

/** A call is one part, whatever it says. */
function partOf(text: string, reason: ReasonCode | null): TextPart {
  const parts = reason === null ? 1 : 0
  return {
    ...{ encoding: 'speech' as const, units: text.length, unitsPerPart: null, parts },
    ...{ nationalTables: null, offending: [], offendingTotal: 0 },
    ...{ offendingCost: { parts: 0, price: null }, transliteration: null },
    ...{
      text,
      texts: parts === 1 ? [text] : [],
      why: reason === null ? 'A call, which speaks it.' : reasonHelp(reason),
    },
  }
}
