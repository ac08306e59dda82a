/** kill -9 at random moments while all else is well: nothing accepted is lost, nothing comes twice beyond the bound (F1). */
import { killTest } from './kill-stands.js'

killTest({ name: 'while all else is well', offset: 0, troubles: 0 })
