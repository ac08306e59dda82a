/** `dryRun: true`: what messages would come to, in the shape of a job's preview. Main thread, nothing is stored. */
import { amountOf } from '../base/money.js'
import { type PriceTable, priceTable } from '../base/price-table.js'
import type { DryRunView, MessageAccepted, MessageRequest } from '../contract/api.js'
import type { PreviewRow } from '../contract/ingest.js'
import { type Counts, noCounts } from '../contract/job.js'
import { reasonHelp } from '../contract/reasons.js'
import { estimateOf } from '../jobs/estimate.js'
import { TallySum } from '../jobs/tally.js'
import type { ComposeAccount, Composed, Verdict } from './compose.js'

/** Of an email its subject and, where it has one, its HTML. */
function mailPart(composed: Composed | null): Pick<PreviewRow, 'subject' | 'html'> {
  const mail = composed?.mail
  if (mail === undefined) return {}
  return mail.html === '' ? { subject: mail.subject } : { subject: mail.subject, html: mail.html }
}

/** Of a call all that is played. */
function callPart(composed: Composed | null): Pick<PreviewRow, 'prompts' | 'language'> {
  const spoken = composed?.spoken
  return spoken === undefined ? {} : { prompts: spoken.items, language: spoken.language }
}

export class DryRun {
  readonly #account: ComposeAccount
  readonly #prices: PriceTable
  readonly #tally = new TallySum()
  readonly #counts: Counts = noCounts()
  readonly #rows: PreviewRow[] = []

  constructor(account: ComposeAccount) {
    this.#account = account
    this.#prices = priceTable(account.prices)
  }

  add(request: MessageRequest, { answer, composed }: Verdict): void {
    const number = this.#rows.length + 1
    const partPrice = composed === null ? null : this.#prices.find(answer.channel, composed.routeDigits)
    this.#count(answer, composed, partPrice)
    this.#rows.push({
      row: number,
      line: number,
      to: answer.to,
      channel: answer.channel,
      text: composed?.text ?? request.text ?? '',
      ...mailPart(composed),
      ...callPart(composed),
      encoding: answer.encoding,
      parts: answer.parts,
      price: partPrice === null ? null : amountOf(partPrice * answer.parts),
      carrier: answer.carrier ?? null,
      sendAt: request.sendAt ?? null,
      reason: answer.reason ?? null,
      detail: answer.reason === undefined ? null : (answer.detail ?? reasonHelp(answer.reason)),
    })
  }

  #count(answer: MessageAccepted, composed: Composed | null, partPrice: number | null): void {
    const counts = this.#counts
    counts.records++
    counts.expanded++
    counts.rows++
    if (composed === null) {
      if (answer.reason === 'SUPPRESSED') counts.suppressed++
      else counts.rejected++
      this.#tally.refuse(answer.reason!, 1)
      return
    }
    counts.accepted++
    counts.parts += answer.parts
    counts[answer.state === 'scheduled' ? 'scheduled' : 'queued']++
    const { channel, encoding, parts } = answer
    const kind = { country: composed.country, channel, encoding, partPrice, rows: 1, parts }
    this.#tally.add({ reasons: {}, kinds: [kind], findings: {} })
  }

  view(): Omit<DryRunView, 'refusal'> {
    const tally = this.#tally.toTally()
    const estimate = estimateOf(tally, this.#account.currency)
    return { rows: this.#rows, counts: this.#counts, rejectedByReason: tally.reasons, estimate }
  }
}
