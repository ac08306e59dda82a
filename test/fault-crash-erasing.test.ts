/**
 * kill -9 in the middle of erasures: what was ordered is resumed and completed; the opt-out, other people's messages and all
 * sums are what they were (reliability.md F2).
 */
import { crashSuite } from '../proof/crashes/crash-suite.js'

crashSuite('erasing', 0)
