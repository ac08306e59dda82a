/** kill -9 at random moments while large files are read: no row is lost or read twice (F1). */
import { killTest } from './kill-stands.js'

const driver = { rowsMax: 6_000, perSecond: 600 }
killTest({ name: 'while large files are read', offset: 300, troubles: 1, driver })
