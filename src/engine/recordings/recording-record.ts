/** A recording as stored, and what others look up of it: the sound that a name stands for now. Main thread. */
import type { NamedRecord } from '../accounts/named-documents.js'
import type { RecordingView } from '../contract/recordings.js'
import type { Documents } from '../store/documents.js'

export const RECORDINGS = 'recordings'

export interface RecordingRecord extends NamedRecord {
  /** Name of its sound under dataDir/recordings. */
  sha256: string
  seconds: number
  rate: number
  channels: number
  bytes: number
  description: string | null
}

export function recordingView({ createdAtMs, updatedAtMs, ...shown }: RecordingRecord): RecordingView {
  return { ...shown, createdAt: new Date(createdAtMs).toISOString(), updatedAt: new Date(updatedAtMs).toISOString() }
}

/** Name (NFC) → SHA-256 of its sound, of all recordings of an account. */
export function recordingsOf(documents: Documents, account: number): ReadonlyMap<string, string> {
  const found = documents.list<RecordingRecord>(RECORDINGS, { prefix: [account] })
  return new Map(found.map(({ value: { name, sha256 } }) => [name, sha256]))
}

/** SHA-256 of the sound that the name stands for now; null: no recording has it. */
export function findRecording(documents: Documents, account: number, name: string): string | null {
  return documents.get<RecordingRecord>(RECORDINGS, [account, name.normalize('NFC')])?.sha256 ?? null
}
