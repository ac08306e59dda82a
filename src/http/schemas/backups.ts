/** Bodies and answers of /v1/backups. */
import { Type } from 'typebox'
import { BACKUP_STATES } from '../../engine/contract/backups.js'
import { nullable, oneOf, strict, Timestamp, text } from './common.js'

export const BackupRequest = Type.Object(
  {
    folder: text(
      'Absolute path on the machine of the engine: a folder that does not exist yet, or is empty. Its parent must exist.',
      1024,
    ),
  },
  { ...strict, description: 'Where the backup is made.' },
)

export const BackupSchema = Type.Object(
  {
    id: Type.String(),
    folder: Type.String(),
    state: oneOf(BACKUP_STATES, 'running, until it is complete or was taken away again.'),
    progress: Type.Object({
      bytes: Type.Integer({ description: 'To be copied, about.' }),
      bytesDone: Type.Integer(),
      percent: Type.Integer(),
      secondsLeft: nullable(Type.Integer({ description: 'About; null: not known yet, or over.' })),
    }),
    instantAt: nullable(Type.String({ description: 'RFC 3339: the moment that it shows.' })),
    records: nullable(Type.Integer({ description: 'In it, once it is finished.' })),
    files: nullable(Type.Integer()),
    bytes: nullable(Type.Integer({ description: 'Of all its files.' })),
    error: nullable(
      Type.Object(
        { code: Type.String(), detail: Type.String() },
        { description: 'Why it failed; nothing of it is left.' },
      ),
    ),
    startedAt: Timestamp,
    finishedAt: nullable(Timestamp),
  },
  { description: 'A backup of this run of the engine.' },
)
export const BackupListSchema = Type.Object(
  { items: Type.Array(BackupSchema), nextCursor: Type.Null() },
  { description: 'The last 20 backups of this run of the engine, newest first.' },
)
