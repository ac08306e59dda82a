/**
 * The engine of engine-child.ts that takes work on a disk that is nearly full: without the watermark a full disk is a failed
 * write. Bundled together with it, so that the limits changed here are those that the engine reads.
 */
import { limits } from '../src/engine/contract/limits.js'

Object.assign(limits, { storeFreeRatio: 0 })
await import('./engine-child.js')
