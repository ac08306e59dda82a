/** Work for an engine that is about to be stopped: a list of recipients as one job, accepted before this resolves. */
import type { JobView } from '../../src/engine/contract/api.js'
import type { CrashStand } from '../crashes/crash-stand.js'

export async function handIn({ client, messages }: CrashStand, count: number): Promise<JobView> {
  const markers = Array.from({ length: count }, () => messages.take())
  const recipients = markers.map((marker) => ({ to: messages.to(marker), text: messages.text(marker) }))
  const job = await client.ask<JobView>('POST', '/v1/jobs', { body: { columns: { text: 'text' }, recipients } })
  if (job === null) throw new Error('the engine is not there')
  for (const marker of markers) messages.accepted(marker)
  return job
}
