/** From the sound that a stored call plays back to the name that the account has for it. Main thread. */
import type { Documents } from '../store/documents.js'
import { findRecording, recordingsOf } from './recording-record.js'

/** Names that are remembered; with more of them it begins anew. */
const NAMES_MOST = 10_000

/** Answers the name of the account's recording with this SHA-256; undefined: it has none by now. */
export function recordingNamer(documents: Documents): (account: number, sha256: string) => string | undefined {
  const known = new Map<string, string>()
  return (account, sha256) => {
    const key = `${account} ${sha256}`
    const name = known.get(key)
    // It may have been replaced or deleted since.
    if (name !== undefined && findRecording(documents, account, name) === sha256) return name
    known.delete(key)
    if (known.size >= NAMES_MOST) known.clear()
    for (const [found, sound] of recordingsOf(documents, account)) {
      if (sound !== sha256) continue
      known.set(key, found)
      return found
    }
    return undefined
  }
}
