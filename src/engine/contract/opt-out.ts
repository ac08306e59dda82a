/** What an account says about STOP, START and HELP, and about the way out that its messages name. */

export const KEYWORDS = ['stop', 'start', 'help'] as const
export type Keyword = (typeof KEYWORDS)[number]

/** The way out that is added to a text. */
export const UNSUBSCRIBE = ['none', 'text', 'link'] as const
export type Unsubscribe = (typeof UNSUBSCRIBE)[number]

export interface OptOutSettings {
  /** Words of the account beside the built-in ones, or instead of them; STOP itself always counts. */
  stopWords: string[]
  startWords: string[]
  helpWords: string[]
  words: 'extend' | 'replace'
  /** A word also counts at the beginning of a longer message; see docs/opt-out.md. */
  firstWord: boolean
  /** What a STOP or a link suppresses: everything of the account, or only what the written-to sender sends. */
  scope: 'account' | 'sender'
  /** True: START lifts imported and API entries too. */
  startLiftsAll: boolean
  /** null: no reply. Absent: the built-in text. */
  confirmations: { stop?: string | null; start?: string | null; help?: string | null }
  /** What `unsubscribe: text` adds. */
  text: string
  /** What stands before the link that `unsubscribe: link` adds. */
  linkText: string
}

export type OptOutPatch = Partial<OptOutSettings>

export const DEFAULT_OPT_OUT: OptOutSettings = {
  stopWords: [],
  startWords: [],
  helpWords: [],
  words: 'extend',
  firstWord: true,
  scope: 'account',
  startLiftsAll: false,
  confirmations: {},
  text: 'Reply STOP to opt out',
  linkText: 'Opt out:',
}

/** How the way out is added to the texts of a job; crosses to the ingest threads. */
export interface WayOutPlan {
  /** The sentence, or what stands before the link. */
  text: string
  /** null: a sentence. */
  link: { url: string; secret: Uint8Array; account: number; bySender: boolean } | null
}

/** What was done about a subscriber's message that is, or looks like, one of the words. */
export interface OptOutOutcome {
  keyword: Keyword | null
  /** What it says is not one of the words, but may well be an opt-out: a person should look at it. */
  review: boolean
  /** suppressed: from now on. lifted: may be messaged again. kept: was so already, or START may not lift it. */
  done: 'suppressed' | 'lifted' | 'kept' | null
  /** Ref of the reply; 0: none. */
  reply: number
}
