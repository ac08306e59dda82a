/** kill -9 at random moments while several other faults are on at any time (F1 beside F8 to F17). */
import { killTest } from './kill-stands.js'

killTest({ name: 'in a storm of other faults', offset: 200, troubles: 3 })
