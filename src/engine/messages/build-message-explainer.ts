/** Puts together what answers `GET /v1/messages/:id/explain`. Main thread. */
import type { Accounts } from '../accounts/accounts.js'
import type { DispatcherLink } from '../dispatcher-link.js'
import type { JobBook } from '../jobs/job-book.js'
import type { Explainer } from './explain.js'
import { MessageExplainer } from './explain-message.js'
import type { MessageReader } from './message-reader.js'
import type { ViewNames } from './message-view.js'

export interface MessageExplainSources {
  accounts: Accounts
  book: JobBook
  explainer: Explainer
  reader: MessageReader
  link: DispatcherLink
  names: ViewNames
}

export function buildMessageExplainer(sources: MessageExplainSources): MessageExplainer {
  const { accounts, book, explainer, reader, link, names } = sources
  return new MessageExplainer({
    reader,
    explainer,
    waits: (ref) => link.waits(ref),
    job: (job) => book.get(job),
    account: (number) => accounts.byNumber(number),
    statusName: (status) => names.status(status),
  })
}
