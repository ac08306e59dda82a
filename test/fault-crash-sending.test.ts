/**
 * kill -9 at each crash point of the way of a message from its claim to its receipt, recovery and the end of the engine,
 * at the first passage and at a later one: nothing accepted is lost, what comes twice is listed and bounded, repeated
 * requests are answered as before, receipts and webhooks are complete (reliability.md F2; P1, P2, P3, P5).
 */
import { crashSuite } from '../proof/crashes/crash-suite.js'

crashSuite('sending')
