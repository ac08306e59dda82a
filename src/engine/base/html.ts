/** Values of a template, and of the page behind a link, where they are not plain text: HTML, or one line. */
const SPECIAL = /[&<>"']/g
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** In HTML: text, whatever it holds. */
export function escapeHtml(value: string): string {
  return value.replace(SPECIAL, (character) => ENTITIES[character]!)
}

/** The same for a subject: what would end its line is a space. */
export function inOneLine(value: string): string {
  return value.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
}
