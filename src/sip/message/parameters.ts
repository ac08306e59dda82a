/** `;name=value` behind addresses, Vias and reasons (generic-param, RFC 3261 §25.1). */
import { splitOutside } from './list.js'
import { sipLimits } from './sip-limits.js'
import { isToken, quoted, trimSpace, unquoted } from './syntax.js'

/** By name in lower case; quotes are undone; null: a name without value. The first of one name counts. */
export type Parameters = Map<string, string | null>

/** A token, or a host with its brackets and colons, as it may stand without quotes. */
const PLAIN = /^[A-Za-z0-9\-.!%*_+`'~[\]:]+$/

/** Of `a=1;b;c="x"`, what follows the first semicolon. null: not parameters. */
export function parseParameters(text: string): Parameters | null {
  const parameters: Parameters = new Map()
  if (trimSpace(text) === '') return parameters
  const elements = splitOutside(text, ';', sipLimits.parameters)
  if (elements === null) return null
  // A semicolon at the very end is wrong and harmless, and some gateways write it.
  if (elements.at(-1) === '') elements.pop()
  for (const element of elements) {
    const equals = element.indexOf('=')
    const name = trimSpace(equals < 0 ? element : element.slice(0, equals)).toLowerCase()
    if (!isToken(name)) return null
    const value = equals < 0 ? null : unquoted(trimSpace(element.slice(equals + 1)))
    if (!parameters.has(name)) parameters.set(name, value)
  }
  return parameters
}

/** With the semicolon in front; '' for none. */
export function writeParameters(parameters: Parameters): string {
  let text = ''
  for (const [name, value] of parameters) {
    if (!isToken(name)) continue
    if (value === null) text += `;${name}`
    else text += `;${name}=${PLAIN.test(value) ? value : quoted(value)}`
  }
  return text
}
