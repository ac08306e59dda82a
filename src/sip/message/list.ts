/**
 * Lists within a header field (RFC 3261 §7.3.1): separators count only outside of quoted strings and angle brackets.
 */
import { sipLimits } from './sip-limits.js'
import { afterQuoted, trimSpace } from './syntax.js'

/**
 * Trimmed elements between `separator`s, empty ones among them. null: a quote or bracket is never closed, or there are more
 * than `max`.
 */
export function splitOutside(text: string, separator: string, max: number = sipLimits.listElements): string[] | null {
  const elements: string[] = []
  let start = 0
  for (let at = 0; at <= text.length; at++) {
    const char = text[at]
    if (char === '"') at = afterQuoted(text, at) - 1
    else if (char === '<') at = text.indexOf('>', at)
    if (at < 0) return null
    if (at < text.length && char !== separator) continue
    if (elements.length === max) return null
    elements.push(trimSpace(text.slice(start, at)))
    start = at + 1
  }
  return elements
}

/** Elements of all field lines of one name in their order, without empty ones. null: as above. */
export function listOf(values: readonly string[]): string[] | null {
  const all: string[] = []
  for (const value of values) {
    const elements = splitOutside(value, ',')
    if (elements === null || all.length + elements.length > sipLimits.listElements) return null
    for (const element of elements) if (element !== '') all.push(element)
  }
  return all
}

/** Whether an option tag (Supported, Require …) or method (Allow) is in the list. Case does not matter. */
export function listHas(values: readonly string[], token: string): boolean {
  return listOf(values)?.some((element) => element.toLowerCase() === token.toLowerCase()) ?? false
}
