/** kill -9 at random moments while carriers take less than comes in, so that much waits: it waits in order and within rates (F1). */
import { STAND_CARRIERS } from '../proof/torture/stand.js'
import { killTest } from './kill-stands.js'

const carriers = STAND_CARRIERS.map((carrier) => ({ ...carrier, rate: 40, window: 5, cap: 5 }))
killTest({ name: 'while carriers are slow', offset: 400, troubles: 1, carriers })
