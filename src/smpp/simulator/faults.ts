/**
 * The faults a simulated carrier makes, in a little language: `name=share` separated by commas, share from 0 to 1, e.g.
 * `throttle=0.01,reject=0.001:0x0b,drop=0.0001,noresp=0.001,undeliv=0.02,norcpt=0.0`.
 *
 * throttle: answers ESME_RTHROTTLED. reject=share[:status]: answers that status (default 0x0b). drop: cuts the
 * connection instead of answering. noresp: takes the message and never answers. dupresp: answers twice. undeliv: the
 * receipt says UNDELIV. norcpt: no receipt. early: the receipt leaves before the response. nack: generic_nack instead of
 * the response. Words about sessions and the form of answers have no share: see session-script.ts.
 */
import type { Random } from '../../engine/base/random.js'
import { isScriptWord, readScriptEntry, SCRIPT_WORDS, type SessionScript, scriptForm } from './session-script.js'

const NAMES = ['throttle', 'reject', 'drop', 'noresp', 'dupresp', 'undeliv', 'norcpt', 'early', 'nack'] as const
export type FaultName = (typeof NAMES)[number]

export interface Faults {
  shares: Record<FaultName, number>
  rejectStatus: number
  /** Status of `throttle`: vendors have their own. */
  throttleStatus: number
  script: SessionScript
}

const DEFAULT_REJECT = 0x0b
const DEFAULT_THROTTLE = 0x58
const SHARE = /^([a-z]+)=([0-9.]+)(?::(0x[0-9a-f]+|[0-9]+))?$/i

/** Throws a RangeError that names the wrong word: a typing error must not become a test without faults. */
export function parseFaults(text: string): Faults {
  const shares = Object.fromEntries(NAMES.map((name) => [name, 0])) as Record<FaultName, number>
  const faults: Faults = { shares, rejectStatus: DEFAULT_REJECT, throttleStatus: DEFAULT_THROTTLE, script: {} }
  for (const each of text.split(',')) {
    const word = each.trim()
    const name = word.split('=')[0]!
    if (word === '') continue
    if (isScriptWord(name)) takeScriptWord(faults.script, name, word)
    else takeShare(faults, word)
  }
  return faults
}

function takeScriptWord(script: SessionScript, name: keyof SessionScript, word: string): void {
  const entry = readScriptEntry(name, word.includes('=') ? word.slice(name.length + 1) : undefined)
  if (entry === null) throw new RangeError(`fault "${word}": write ${scriptForm(name)}`)
  script[name] = entry
}

function takeShare(faults: Faults, word: string): void {
  const match = SHARE.exec(word)
  const name = match?.[1] as FaultName
  const share = Number(match?.[2])
  const status = match?.[3]
  if (match === null || !NAMES.includes(name) || !(share >= 0 && share <= 1)) {
    const words = `write name=share with one of ${NAMES.join(', ')}, share 0 to 1`
    throw new RangeError(`fault "${word}": ${words}; or one of ${SCRIPT_WORDS.join(', ')}`)
  }
  if (status !== undefined && name !== 'reject' && name !== 'throttle')
    throw new RangeError(`fault "${word}": only reject and throttle have a status`)
  faults.shares[name] = share
  if (status === undefined) return
  if (name === 'reject') faults.rejectStatus = Number(status)
  else faults.throttleStatus = Number(status)
}

/** What befalls one submit; at most one of throttle, reject, drop, noresp, dupresp and nack, and independently of its receipt. */
export function drawFault(faults: Faults, random: Random): FaultName | null {
  const { throttle, reject, drop, noresp, dupresp, nack } = faults.shares
  if (throttle + reject + drop + noresp + dupresp + nack === 0) return null
  const chance = random.next()
  if (chance < throttle) return 'throttle'
  if (chance < throttle + reject) return 'reject'
  if (chance < throttle + reject + drop) return 'drop'
  if (chance < throttle + reject + drop + noresp) return 'noresp'
  if (chance < throttle + reject + drop + noresp + dupresp) return 'dupresp'
  return chance < throttle + reject + drop + noresp + dupresp + nack ? 'nack' : null
}
