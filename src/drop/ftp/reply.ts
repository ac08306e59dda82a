/**
 * Replies of the control connection: three digits, a text, CR LF; several lines as RFC 959 §4.2 wants them. Site thread.
 */

/** A reply: its code and its lines. The session writes it; a handler only returns it. */
export interface Reply {
  code: number
  lines: readonly string[]
}

export function reply(code: number, ...lines: string[]): Reply {
  return { code, lines: lines.length === 0 ? [''] : lines }
}

/** As octets of the wire. Lines between the first and the last are indented, so that none begins with three digits. */
export function formatReply({ code, lines }: Reply): string {
  const clean = lines.map(oneLine)
  const last = clean.length - 1
  return clean
    .map((line, place) => (place === last ? `${code} ${line}` : place === 0 ? `${code}-${line}` : ` ${line}`))
    .map((line) => `${line}\r\n`)
    .join('')
}

/** A name may hold anything but an end of line: whatever could forge a reply becomes a question mark. */
export function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f\u0085\u2028\u2029]/g, '?')
}

/** RFC 959 appendix II: a directory in quotes, with its own quotes doubled. */
export function quoted(path: string): string {
  return `"${oneLine(path).replaceAll('"', '""')}"`
}
