/**
 * kill -9 while texts or whole messages are forgotten because their time is over: the next start goes on, and counts, money and
 * jobs are what they were (reliability.md F2).
 */
import { crashSuite } from '../proof/crashes/crash-suite.js'

crashSuite('forgetting', 0)
