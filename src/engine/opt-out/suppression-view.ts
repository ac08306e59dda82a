/** A suppression as the API and its CSV show it. Main thread. */
import { csvCell } from '../base/csv-cell.js'
import { inboundId } from '../contract/ids.js'
import type { SuppressionEntry, SuppressionView } from '../contract/suppressions.js'
import type { SuppressionReason } from '../store/suppression-table.js'

/** Short codes have at most so many digits; no number with its country code is as short. */
const SHORT_CODE_DIGITS = 6

export function shownNumber(number: number): string {
  const digits = String(number)
  return digits.length <= SHORT_CODE_DIGITS ? digits : `+${digits}`
}

/** Of one number or address. */
export function suppressionView(number: number, reasons: readonly SuppressionReason[]): SuppressionView {
  return { number: reasons[0]?.mail ?? shownNumber(number), entries: reasons.map(entryView) }
}

/** Of all that is stored under one key: addresses may share it. */
export function suppressionViews(number: number, reasons: readonly SuppressionReason[]): SuppressionView[] {
  const mails = [...new Set(reasons.map(({ mail }) => mail))]
  return mails.map((mail) =>
    suppressionView(
      number,
      reasons.filter((reason) => reason.mail === mail),
    ),
  )
}

function entryView({ sender, source, atMs, text, address, inbound, note }: SuppressionReason): SuppressionEntry {
  return {
    scope: sender === undefined ? 'account' : 'sender',
    sender: sender ?? null,
    source,
    at: new Date(atMs).toISOString(),
    text: text ?? null,
    address: address ?? null,
    inbound: inbound === undefined ? null : inboundId(inbound),
    note: note ?? null,
  }
}

export const SUPPRESSION_COLUMNS = 'number,scope,sender,source,at,text,address,inbound,note\n'

/** A line per entry. Guarded: the columns hold what strangers wrote. */
export function suppressionLines({ number, entries }: SuppressionView): string {
  return entries
    .map(({ scope, sender, source, at, text, address, inbound, note }) =>
      [number, scope, sender, source, at, text, address, inbound, note].map((cell) => csvCell(cell ?? '')).join(','),
    )
    .join('\n')
    .concat('\n')
}
