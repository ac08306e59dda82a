/** Why a row became no message, in words: the same in rejects.csv, the preview and the dry run. */
import { reasonCode, reasonHelp, reasonNumber } from '../engine/contract/reasons.js'

const MISSING_FIELD = reasonNumber('MISSING_FIELD')

/** `label`: of the column that the reason is about; undefined: it is about the record. */
export function reasonText(reason: number, label: string | undefined): string {
  const help = reasonHelp(reasonCode(reason))
  return reason === MISSING_FIELD && label !== undefined ? `${label}: ${help}` : help
}
