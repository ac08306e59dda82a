/** Tokens, linear white space and quoted strings of RFC 3261 §25.1, as everything else of a message uses them. */

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/

export function isToken(text: string): boolean {
  return TOKEN.test(text)
}

/** Without SP and HT at both ends; other white space of Unicode is text. */
export function trimSpace(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return start === 0 && end === text.length ? text : text.slice(start, end)
}

export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** Digits only, at most `max`; -1: it is not such a number. */
export function wholeNumber(text: string, max: number): number {
  if (!/^\d{1,64}$/.test(text)) return -1
  const value = Number(text)
  return value <= max ? value : -1
}

/** Place after the closing quote of the quoted string that opens at `start`; -1: it is never closed. */
export function afterQuoted(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x5c) at++
    else if (code === 0x22) return at + 1
  }
  return -1
}

/** Content of a quoted string, escapes undone; what is not quoted stays as it is. */
export function unquoted(text: string): string {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text
  return text.slice(1, -1).replace(/\\([\s\S])/g, '$1')
}

/** As a quoted string. CR, LF and NUL cannot stand in one, escaped or not, and become spaces. */
export function quoted(text: string): string {
  return `"${text.replace(/[\r\n\0]/g, ' ').replace(/["\\]/g, '\\$&')}"`
}
