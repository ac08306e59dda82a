/** kill -9 at random moments while receipts come early, late, twice, and in forms of their own: each that was answered counts (F1, F10). */
import { STAND_CARRIERS } from '../proof/torture/stand.js'
import { killTest } from './kill-stands.js'

const DIALECTS = [
  'ids=hexToDec,intermediate=0.5,double=0.2',
  'ids=case,carries=tlv,command=data_sm,double=0.2',
] as const
const carriers = STAND_CARRIERS.map((carrier, index) => {
  return { ...carrier, dialect: DIALECTS[index]!, faults: 'early=0.4,undeliv=0.2', receiptDelayMs: 50 + 1_500 * index }
})
killTest({ name: 'while receipts come in every way', offset: 500, troubles: 1, carriers })
