/** A damaged record names nobody that could be found in it: it is passed by, so that it holds up no erasure. Any thread. */
import { EngineError } from '../contract/errors.js'

/** `damaged` in place of what a record says that does not match its checksum. */
export function unlessDamaged<T>(read: () => T, damaged: T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof EngineError && error.code === 'STORE_CORRUPT') return damaged
    throw error
  }
}
