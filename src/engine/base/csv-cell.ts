/** Writes cells that a spreadsheet shows and never runs: always quoted, and guarded where they could be read as a formula. */

/** OWASP's list, also behind quotes and spaces, and in full width. */
const FORMULA = /^["\s\u00a0]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/

/** An apostrophe in front makes it text, as in a spreadsheet; in a column of numbers our own importer takes it off again. */
export function csvCell(text: string): string {
  const guarded = FORMULA.test(text) ? `'${text}` : text
  return `"${guarded.replaceAll('"', '""')}"`
}

/** The text of a cell as it was before csvCell guarded it; other text is left as it is. */
export function unguarded(cell: string): string {
  return cell.charCodeAt(0) === 0x27 && FORMULA.test(cell.slice(1)) ? cell.slice(1) : cell
}
