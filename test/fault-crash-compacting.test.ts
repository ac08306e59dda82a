/**
 * kill -9 in the middle of a compaction, offline or at a start: the directory is whole at each step, the next start writes the
 * stores anew to the end, and neither copies nor those who were erased are left (reliability.md F2).
 */
import { crashSuite } from '../proof/crashes/crash-suite.js'

crashSuite('compacting', 0)
