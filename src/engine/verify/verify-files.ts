/** Whether the files beside the environments are there and what the records say of them. */
import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import path from 'node:path'
import { jobId } from '../contract/ids.js'
import type { JobRecord } from '../jobs/job-record.js'
import { uploadPath } from '../jobs/upload-file.js'
import { RECORDINGS, type RecordingRecord } from '../recordings/recording-record.js'
import type { DocumentKey, Documents } from '../store/documents.js'
import { type Findings, messageOf } from './findings.js'

const PAGE = 500
const READ_BYTES = 1 << 20

/** Yields the octets that were read. */
export function* verifyFiles(dataDir: string, documents: Documents, findings: Findings): Generator<number> {
  if (!existsSync(path.join(dataDir, 'secret.key'))) {
    findings.add(
      'files',
      'secret.key',
      'is missing, and what was sealed with it cannot be read; put that of a backup there',
    )
  }
  for (const { value } of all<RecordingRecord>(documents, RECORDINGS, findings)) {
    if (existsSync(path.join(dataDir, 'recordings', value.sha256))) continue
    findings.add('files', `recordings/${value.sha256}`, `is missing; upload the recording ${value.name} again`)
  }
  for (const { value } of all<JobRecord>(documents, 'jobs', findings)) {
    if (value.upload !== null) yield* verifyUpload(dataDir, value, findings)
  }
}

/** Collections are read as far as they can be: the pass over all records names what is damaged. */
function* all<T extends object>(
  documents: Documents,
  collection: string,
  findings: Findings,
): Generator<{ key: DocumentKey; value: T }> {
  let after: DocumentKey | undefined
  for (;;) {
    let page: { key: DocumentKey; value: T }[] = []
    try {
      page = documents.list<T>(collection, { after, limit: PAGE })
    } catch (error) {
      findings.add('documents/documents', collection, `cannot be read as a whole: ${messageOf(error)}`)
    }
    yield* page
    if (page.length < PAGE) return
    after = page.at(-1)!.key
  }
}

/** A file may be gone when nothing more is read of it; while it is there it is the one that was accepted. Texts in it may have been masked. */
function* verifyUpload(dataDir: string, { job, upload, state }: JobRecord, findings: Findings): Generator<number> {
  const name = jobId(job)
  const file = uploadPath(dataDir, name)
  if (!existsSync(file)) {
    if (state === 'running')
      findings.add('files', `uploads/${name}.csv`, 'is missing, and its job is not at its end', [name])
    return
  }
  const { size } = statSync(file)
  if (size !== upload!.bytes) {
    findings.add('files', `uploads/${name}.csv`, `has ${size} octets, and had ${upload!.bytes} when it was accepted`, [
      name,
    ])
    return
  }
  if (state !== 'running') return
  const digest = yield* hashOf(file)
  if (digest !== upload!.sha256) findings.add('files', `uploads/${name}.csv`, 'is not what was accepted', [name])
}

function* hashOf(file: string): Generator<number, string> {
  const handle = openSync(file, 'r')
  try {
    const hash = createHash('sha256')
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    for (let count = readSync(handle, buffer); count > 0; count = readSync(handle, buffer)) {
      hash.update(buffer.subarray(0, count))
      yield count
    }
    return hash.digest('hex')
  } finally {
    closeSync(handle)
  }
}
