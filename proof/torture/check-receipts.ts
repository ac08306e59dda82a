/** I5: what a receipt said that we answered is what the message became, and what the sink was told; I10: parts that count. */
import { type Book, mayHave, type Submitted } from './book.js'
import type { EngineView, MessageSeen } from './engine-view.js'
import { markerText } from './marker.js'
import type { Violation } from './violation.js'

const DELIVERED = 2
const UNDELIVERABLE = 5

export function checkReceipts(book: Book, view: EngineView): Violation[] {
  const found: Violation[] = []
  for (const [marker, [message]] of view.messages) {
    if (message === undefined) continue
    const submits = book.submits.get(marker) ?? []
    for (const detail of wrongState(book, message, submits))
      found.push({ invariant: 'I5', id: markerText(marker), detail })
    const told = wrongNews(book, message)
    if (told !== '') found.push({ invariant: 'I5', id: markerText(marker), detail: told })
  }
  for (const id of book.forged) found.push({ invariant: 'I5', id, detail: 'a delivery to the sink was not genuine' })
  const known = new Set([...view.messages.values()].flatMap((messages) => messages.map(({ id }) => id)))
  // Answers to STOP are messages too; their number is known.
  const strangers = [...book.told.keys()].filter((id) => !known.has(id))
  if (strangers.length > view.strangers) {
    found.push({
      invariant: 'I5',
      id: strangers[0]!,
      detail: `the sink heard of ${strangers.length} messages that are not there`,
    })
  }
  return [...found, ...checkParts(book, view)]
}

function wrongState(book: Book, { id, state, reason, parts }: MessageSeen, submits: readonly Submitted[]): string[] {
  const taken = submits.filter(mayHave)
  const said = new Set<number>()
  for (const one of taken) for (const receipt of book.receiptsOf(one)) said.add(receipt.state)
  const details: string[] = []
  if (state === 'delivered' || state === 'undelivered') {
    const wanted = state === 'delivered' ? DELIVERED : UNDELIVERABLE
    if (!said.has(wanted)) details.push(`${id} is ${state}, and no receipt that was answered says so`)
  }
  const has = new Set(taken.filter((one) => said.size > 0 && isReceipted(book, one)).map(({ part }) => part))
  const isWhole = has.size === parts && taken.every((one) => one.status !== 0 || isReceipted(book, one))
  const isOwed = isWhole && !said.has(UNDELIVERABLE) && state !== 'delivered'
  if (isOwed && !(state === 'failed' && wasRefusedLater(submits, taken))) {
    details.push(`${id} is ${state} (${reason}), though receipts that we answered said that all of it was delivered`)
  }
  if (state === 'delivered' && new Set(taken.map(({ part }) => part)).size < parts) {
    details.push(`${id} is delivered, and the carriers have not all of its ${parts} parts`)
  }
  return details
}

/**
 * A part was sent again, as nobody knew that a carrier had it, and refused then: that is all the engine was told of it. The receipt
 * of the first try has an id that never came.
 */
function wasRefusedLater(submits: readonly Submitted[], taken: readonly Submitted[]): boolean {
  return submits.some((one) => !mayHave(one) && taken.every(({ part, t }) => part !== one.part || t < one.t))
}

function isReceipted(book: Book, one: Submitted): boolean {
  return book.receiptsOf(one).some(({ state }) => state === DELIVERED || state === UNDELIVERABLE)
}

function wrongNews(book: Book, { id, state, reason }: MessageSeen): string {
  if (state === 'queued' || state === 'scheduled') return ''
  const told = book.told.get(id)
  if (told === undefined) return `${id} became ${state}, and the sink heard nothing of it`
  if (told.finals.has(state)) return ''
  return `${id} became ${state} (${reason}), and the sink heard only ${[...told.finals].join(', ') || 'that it was sent'}`
}

/** I10: of each job as many parts count as sent as carriers said yes to, but for those whose answer was lost with a bind. */
function checkParts(book: Book, view: EngineView): Violation[] {
  const found: Violation[] = []
  const sent = new Map<string, { sure: number; most: number; said: number }>()
  for (const [marker, [message]] of view.messages) {
    if (message?.job == null) continue
    const parts = partsOf(book.submits.get(marker) ?? [], message)
    const sum = sent.get(message.job) ?? { sure: 0, most: 0, said: view.jobs.get(message.job)?.counts.partsSent ?? -1 }
    sum.sure += parts.sure
    sum.most += parts.most
    sent.set(message.job, sum)
  }
  for (const [job, { sure, most, said }] of sent) {
    if (said >= sure && said <= most) continue
    const detail = `counts ${said} parts as sent; carriers have ${sure} for sure and ${most} at most`
    found.push({ invariant: 'I10', id: job, detail })
  }
  for (const [account, items] of view.usage) {
    const wrong = wrongUsage(
      view,
      account,
      items.reduce((sum, { partsSent }) => sum + partsSent, 0),
    )
    if (wrong !== '') found.push({ invariant: 'I10', id: account, detail: wrong })
  }
  return found
}

function partsOf(submits: readonly Submitted[], { state, parts }: MessageSeen): { sure: number; most: number } {
  const most = new Set(submits.filter(mayHave).map(({ part }) => part)).size
  // One part that was not delivered ends the message, whatever becomes of the others.
  const sure = state === 'delivered' ? parts : state === 'undelivered' ? 1 : 0
  return { sure, most }
}

/** Usage has the parts of all jobs, and of those messages that came alone. */
function wrongUsage(view: EngineView, account: string, partsSent: number): string {
  let least = 0
  let most = 0
  for (const [message] of view.messages.values()) {
    if (message?.account !== account) continue
    const isSent = message.state === 'delivered' || message.state === 'undelivered'
    least += isSent ? (message.state === 'delivered' ? message.parts : 1) : 0
    most += message.parts
  }
  if (partsSent >= least && partsSent <= most) return ''
  return `usage has ${partsSent} parts sent; messages that were sent have ${least} to ${most}`
}
