/**
 * What a data directory needs that begins again at an earlier moment. Command line.
 *
 * Ids: since that moment the engine gave ids to messages, jobs and files that it knows nothing of, and clients keep them. Numbers
 * go on beyond all that can have been given: they follow the clock, so that a second restore does not meet the first. Webhooks: a receiver
 * knows deliveries by their ids, which are made of such numbers; endpoints get ids of their own again.
 * Carriers: what was sent since would be sent again, so they wait until somebody says so (carrier-hold.ts).
 */
import { randomBytes } from 'node:crypto'
import { Documents, type DocumentWrite } from '../store/documents.js'
import { openEnvironment } from '../store/environment.js'
import { FLOORS, putFloor } from '../store/number-floor.js'
import { WEBHOOKS, type WebhookRecord } from '../webhooks/webhook-record.js'
import { RESTORED, type RestoredRecord } from './carrier-hold.js'

/** More than any engine gives in a second, for years. */
const BLOCKS_PER_SECOND = 4_096
const INBOUND_PER_SECOND = 4_096
const THINGS_PER_SECOND = 64
const THINGS = ['job', 'import', 'drop']

export async function adaptRestored(
  dataDir: string,
  { backupAtMs, nowMs, resume }: { backupAtMs: number; nowMs: number; resume: boolean },
): Promise<void> {
  const seconds = Math.floor(nowMs / 1000)
  const environment = openEnvironment(dataDir)
  putFloor(environment, FLOORS.block, seconds * BLOCKS_PER_SECOND)
  putFloor(environment, FLOORS.inbound, seconds * INBOUND_PER_SECOND)
  await environment.root.close()
  const documents = new Documents(dataDir)
  const writes: DocumentWrite[] = THINGS.map((name) => {
    const next = documents.get<{ next: number }>('meta', [name])?.next ?? 1
    return { collection: 'meta', key: [name], value: { next: Math.max(next, seconds * THINGS_PER_SECOND) } }
  })
  for (const { key, value } of documents.list<WebhookRecord>(WEBHOOKS)) {
    writes.push({ collection: WEBHOOKS, key, value: { ...value, uid: randomBytes(8).toString('hex') } })
  }
  const restored: RestoredRecord = { backupAtMs, restoredAtMs: nowMs, resumed: [] }
  writes.push({ ...RESTORED, value: resume ? null : restored })
  await documents.write(writes)
  await documents.close()
}
