/** A subscriber's message as the API shows it to the one who asks. Main thread. */
import { inboundId, jobId, messageId } from '../contract/ids.js'
import type { InboundView, RepliedView } from '../contract/inbound.js'
import type { MessageRef } from '../contract/message.js'
import type { OptOutOutcome } from '../contract/opt-out.js'
import type { InboundItem, Replied } from '../store/inbound-store.js'

/** Who looks at it. */
export interface Viewer {
  /** Account number; null: the admin. */
  account: number | null
  /** Id of an account; null once it was deleted. */
  accountId(number: number): string | null
}

export function inboundView(number: number, item: InboundItem, viewer: Viewer): InboundView {
  const { from, to, text, encoding, dataCoding, messageClass, data, ports, total, missing } = item
  return {
    id: inboundId(number),
    from,
    to,
    text,
    encoding,
    dataCoding,
    messageClass,
    data: data === null ? null : Buffer.from(data).toString('hex'),
    ports,
    parts: total,
    complete: missing.length === 0,
    missing,
    lateFor: item.lateFor === 0 ? null : inboundId(item.lateFor),
    carrier: item.carrier,
    bind: item.bind,
    receivedAt: new Date(item.receivedAtMs).toISOString(),
    firstPartAt: new Date(item.firstAtMs).toISOString(),
    account: item.account === null ? null : viewer.accountId(item.account),
    reason: item.reason,
    reply: replyView(item.replied ?? null, viewer),
    ...optOutView(item.optOut, viewer.account === null || viewer.account === item.account),
    source: item.source,
    destination: item.destination,
  }
}

function optOutView(
  optOut: OptOutOutcome | undefined,
  isOwn: boolean,
): Pick<InboundView, 'keyword' | 'done' | 'answer' | 'review'> {
  const { keyword = null, review = false, done = null, reply = 0 } = optOut ?? {}
  const answer = reply === 0 || !isOwn ? null : messageId(reply as MessageRef)
  return { keyword, done, answer, review }
}

/** Of another account's message nothing is shown, not even that there was one. */
function replyView(replied: Replied | null, viewer: Viewer): RepliedView | null {
  if (replied === null || (viewer.account !== null && viewer.account !== replied.account)) return null
  return {
    message: messageId(replied.ref as MessageRef),
    job: replied.job === 0 ? null : jobId(replied.job),
    sentAt: new Date(replied.sentAtMs).toISOString(),
    lockedUntil: new Date(replied.untilMs).toISOString(),
  }
}
