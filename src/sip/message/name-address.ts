/**
 * From, To, Contact, Route, Record-Route, P-Asserted-Identity (RFC 3261 §20.10, §20.20, §25.1): a display name, a URI in
 * angle brackets or bare, and parameters.
 */
import type { SipHeaders } from './headers.js'
import { listOf } from './list.js'
import { type Parameters, parseParameters, writeParameters } from './parameters.js'
import { afterQuoted, quoted, trimSpace, unquoted } from './syntax.js'

export interface NameAddress {
  /** Shown; '' = none. Quotes and escapes undone. */
  name: string
  /** As it stands, without the angle brackets. */
  uri: string
  /** Of the header field, not of the URI. */
  parameters: Parameters
}

const URI = /^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"\x00-\x1f\x7f]+$/

/** One address; null: it is none. */
export function parseNameAddress(value: string): NameAddress | null {
  const text = trimSpace(value)
  if (text.startsWith('"')) {
    const end = afterQuoted(text, 0)
    if (end < 0) return null
    const open = text.indexOf('<', end)
    if (open < 0 || trimSpace(text.slice(end, open)) !== '') return null
    return bracketed(unquoted(text.slice(0, end)), text, open)
  }
  const open = text.indexOf('<')
  const name = open < 0 ? '' : trimSpace(text.slice(0, open))
  if (open < 0 || /[;"]/.test(name)) return bare(text)
  return name.includes(',') ? null : bracketed(name, text, open)
}

function bracketed(name: string, text: string, open: number): NameAddress | null {
  const close = text.indexOf('>', open)
  if (close < 0) return null
  const uri = trimSpace(text.slice(open + 1, close))
  const parameters = parametersAt(text, close + 1)
  return parameters !== null && URI.test(uri) ? { name, uri, parameters } : null
}

/** Without brackets what follows a semicolon is of the header field, and a comma or question mark may not be there (§20). */
function bare(text: string): NameAddress | null {
  const semicolon = text.indexOf(';')
  const uri = trimSpace(semicolon < 0 ? text : text.slice(0, semicolon))
  const parameters = semicolon < 0 ? new Map<string, null>() : parametersAt(text, semicolon)
  return parameters !== null && URI.test(uri) && !/[,?]/.test(uri) ? { name: '', uri, parameters } : null
}

function parametersAt(text: string, at: number): Parameters | null {
  const rest = trimSpace(text.slice(at))
  if (rest === '') return new Map()
  return rest.startsWith(';') ? parseParameters(rest.slice(1)) : null
}

/** Always with angle brackets, the name always quoted. */
export function writeNameAddress({ name, uri, parameters }: NameAddress): string {
  const shown = name === '' ? '' : `${quoted(name)} `
  return `${shown}<${uri.replace(/[\x00-\x20<>"\x7f]/g, '')}>${writeParameters(parameters)}`
}

/** All addresses of one name, of several field lines and lists; null: one of them is none. `*` of Contact is none. */
export function addressesOf(headers: SipHeaders, name: string): NameAddress[] | null {
  const elements = listOf(headers.all(name))
  if (elements === null) return null
  const addresses: NameAddress[] = []
  for (const element of elements) {
    const address = parseNameAddress(element)
    if (address === null) return null
    addresses.push(address)
  }
  return addresses
}

/** Tag of a From or To value; '' = none. */
export function tagOf(value: string | undefined): string {
  return (value === undefined ? null : parseNameAddress(value))?.parameters.get('tag') ?? ''
}
