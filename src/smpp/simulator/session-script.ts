/**
 * The part of the simulator's script that is about sessions and the form of answers: what SMSCs do beside the
 * specification (carriers.md 60 to 73, 83). Words without a share; `word`, `word=value` or `word=value:sessions`.
 */

/** How a word is read. status: a command_status; count: a number of submits; number: any 32-bit number. */
type WordKind = 'flag' | 'status' | 'count' | 'number'

const WORDS = {
  /** Binds are refused with this status; `:n` only the first n sessions. */
  bind: 'status',
  /** Binds are not answered. */
  bindmute: 'flag',
  /** A refused bind has a system_id in its answer. */
  bindbody: 'flag',
  /** bind_resp without sc_interface_version. */
  noversion: 'flag',
  /** interface_version above 3.4 is refused with ESME_RBINDFAIL. */
  only34: 'flag',
  /** Asks with enquire_link before it answers the bind, and again after. */
  enquire: 'flag',
  /** enquire_link is never answered. */
  noenquire: 'flag',
  /** After so many submits none is answered, though enquire_link is. */
  deaf: 'count',
  /** After so many submits nothing is answered. */
  silent: 'count',
  /** After so many submits it asks to unbind, and answers what is open. */
  unbind: 'count',
  /** After so many submits it cuts the connection. */
  cut: 'count',
  /** After so many submits it sends octets that are no PDU. */
  garbage: 'count',
  /** unbind is not answered, and the connection stays. */
  nounbind: 'flag',
  /** unbind is not answered, and the connection is closed. */
  unbindclose: 'flag',
  /** Refusals of submits have an empty message_id in a body. */
  errbody: 'flag',
  /** Refusals of submits have an optional parameter. */
  errtlv: 'flag',
  /** Accepted submits get no message_id. */
  noid: 'flag',
  /** alert_notification and outbind come unasked after the bind. */
  uninvited: 'flag',
  /** The first sequence number of its own requests. */
  sequence: 'number',
} as const satisfies Record<string, WordKind>
export type ScriptWord = keyof typeof WORDS
export const SCRIPT_WORDS = Object.keys(WORDS) as ScriptWord[]

export interface ScriptEntry {
  value: number
  /** It concerns the sessions up to this number, counted from 1. */
  sessions: number
}
export type SessionScript = Partial<Record<ScriptWord, ScriptEntry>>

export function isScriptWord(name: string): name is ScriptWord {
  return Object.hasOwn(WORDS, name)
}

/** Reads the value of a word; `text` undefined: it has none. Returns null where it cannot be read. */
export function readScriptEntry(name: ScriptWord, text: string | undefined): ScriptEntry | null {
  const kind = WORDS[name]
  const match = /^(0x[0-9a-f]{1,8}|[0-9]{1,10})?(?::([0-9]{1,9}))?$/i.exec(text ?? '')
  if (match === null) return null
  const [, value, sessions] = match
  const most = sessions === undefined ? Number.POSITIVE_INFINITY : Number(sessions)
  // A flag may say how many sessions it concerns: `noversion=:1`.
  if (kind === 'flag') return value === undefined ? { value: 1, sessions: most } : null
  if (value === undefined || Number(value) > 0xffffffff) return null
  return { value: Number(value), sessions: most }
}

/** What the word wants, for the message of a mistake. */
export function scriptForm(name: ScriptWord): string {
  const kind = WORDS[name]
  if (kind === 'flag') return `${name}, or ${name}=:sessions`
  return `${name}=${kind === 'status' ? 'status' : 'number'}, or ${name}=${kind === 'status' ? 'status' : 'number'}:sessions`
}
