/**
 * What is still to be written of a file in processed/: the first report if it is not there yet; once its job is over, the
 * last report and summary beside it, then the last word. Main thread.
 */
import type { DropKeeper } from '../../engine/contract/drop-keeper.js'
import type { OpenFolder } from '../site/open-folder.js'
import { plainName } from './dropped-names.js'
import type { Filing } from './filing.js'

/** `root`: null where the account has no folder any more: then nothing is written. */
export async function finishDrop(
  root: OpenFolder | null,
  drop: number,
  { keeper, filing }: { keeper: DropKeeper; filing: Filing },
): Promise<void> {
  if (keeper.job(drop)?.over === false) {
    if (root !== null) await filing.firstReport(root, keeper.get(drop))
    return
  }
  const state = keeper.job(drop)?.state === 'canceled' ? 'canceled' : 'done'
  const record = keeper.get(drop)
  if (root !== null && record.place !== null) {
    await filing.report(root, record)
    await filing.summarise(root, record)
  }
  const subject = `${plainName(record.name)}: all messages have ended`
  await keeper.close(drop, state, { subject, text: filing.summary(record) })
}
