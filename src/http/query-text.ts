/** What a query string makes of a plus sign: a space. Nobody who writes ?to=+44… or a time with +01:00 means that. */

export function plusAgain(value: string): string {
  return value.startsWith(' ') ? `+${value.trimStart()}` : value
}

/** The offset of an RFC 3339 time. */
export function timeAgain(value: string): string {
  return value.replace(/ (?=\d\d:?\d\d$)/, '+')
}
