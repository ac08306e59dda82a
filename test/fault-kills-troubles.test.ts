/** kill -9 at random moments while wires, carriers or the receiver of webhooks misbehave one at a time (F1 beside F8 to F17). */
import { killTest } from './kill-stands.js'

killTest({ name: 'beside other faults', offset: 100, troubles: 1 })
