/**
 * The faults a simulated carrier makes, in a little language: `name=share` separated by commas, share from 0 to 1, e.g.
 * `throttle=0.01,reject=0.001:0x0b,drop=0.0001,noresp=0.001,undeliv=0.02,norcpt=0.0`.
 *
 * throttle: answers ESME_RTHROTTLED. reject=share[:status]: answers that status (default 0x0b). drop: cuts the
 * connection instead of answering. noresp: takes the message and never answers. dupresp: answers twice. undeliv: the
 * receipt says UNDELIV. norcpt: no receipt. early: the receipt leaves before the response.
 */
import type { Random } from '../../engine/base/random.js'

const NAMES = ['throttle', 'reject', 'drop', 'noresp', 'dupresp', 'undeliv', 'norcpt', 'early'] as const
export type FaultName = (typeof NAMES)[number]

export interface Faults {
  shares: Record<FaultName, number>
  rejectStatus: number
}

const DEFAULT_REJECT = 0x0b

/** Throws a RangeError that names the wrong word: a typing error must not become a test without faults. */
export function parseFaults(text: string): Faults {
  const shares = Object.fromEntries(NAMES.map((name) => [name, 0])) as Record<FaultName, number>
  const faults: Faults = { shares, rejectStatus: DEFAULT_REJECT }
  for (const word of text.split(',').filter((each) => each.trim() !== '')) {
    const match = /^\s*([a-z]+)=([0-9.]+)(?::(0x[0-9a-f]+|[0-9]+))?\s*$/i.exec(word)
    const name = match?.[1] as FaultName
    const share = Number(match?.[2])
    const status = match?.[3]
    if (match === null || !NAMES.includes(name) || !(share >= 0 && share <= 1)) {
      throw new RangeError(`fault "${word.trim()}": write name=share with one of ${NAMES.join(', ')}, share 0 to 1`)
    }
    if (status !== undefined && name !== 'reject')
      throw new RangeError(`fault "${word.trim()}": only reject has a status`)
    shares[name] = share
    if (status !== undefined) faults.rejectStatus = Number(status)
  }
  return faults
}

/** What befalls one submit; at most one of the first five, and independently of its receipt. */
export function drawFault(faults: Faults, random: Random): FaultName | null {
  const { throttle, reject, drop, noresp, dupresp } = faults.shares
  if (throttle + reject + drop + noresp + dupresp === 0) return null
  const chance = random.next()
  if (chance < throttle) return 'throttle'
  if (chance < throttle + reject) return 'reject'
  if (chance < throttle + reject + drop) return 'drop'
  if (chance < throttle + reject + drop + noresp) return 'noresp'
  return chance < throttle + reject + drop + noresp + dupresp ? 'dupresp' : null
}
