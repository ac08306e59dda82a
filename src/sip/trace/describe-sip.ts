/** A SIP message as one line of a trace shows it; read loosely, since what is wrong with a message is what is looked for. */
import { hostPort } from '../message/host-port.js'
import { headEnd } from '../message/parse.js'
import type { Peer } from '../transport/transport.js'

const LINE_CHARS = 200
/** Field of the line → header field, with its compact form. */
const SHOWN: readonly (readonly [string, RegExp])[] = [
  ['from', /^(?:from|f)[ \t]*:[ \t]*([^\r\n]*)/im],
  ['to', /^(?:to|t)[ \t]*:[ \t]*([^\r\n]*)/im],
  ['call_id', /^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)/im],
  ['reason', /^reason[ \t]*:[ \t]*([^\r\n]*)/im],
  ['retry_after', /^retry-after[ \t]*:[ \t]*([^\r\n]*)/im],
  ['warning', /^warning[ \t]*:[ \t]*([^\r\n]*)/im],
]

/** `bytes`: masked already. `isWhole`: the whole message is shown too. */
export function describeSip(bytes: Buffer, peer: Peer, isWhole: boolean): Record<string, unknown> {
  const end = headEnd(bytes, 0)
  const head = bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
  const whole = isWhole ? { message: bytes.toString('utf8') } : {}
  const about = { peer: `${peer.transport} ${hostPort(peer.address, peer.port)}`, length: bytes.length }
  const first = printable(head.slice(0, head.search(/[\r\n]|$/)))
  const [, status, phrase] = /^SIP\/2\.0 (\d{3})(?: (.*))?$/.exec(first) ?? []
  const [, method, uri] = /^([^ ]+) ([^ ]+) SIP\/\d\.\d$/.exec(first) ?? []
  if (status === undefined && method === undefined) return { command: 'not SIP', ...about, ...whole }
  const [, sequence, ofMethod] = /^cseq[ \t]*:[ \t]*(\d+)[ \t]+(\S+)/im.exec(head) ?? []
  const what = method === undefined ? { command: status, phrase, method: ofMethod } : { command: method, uri }
  return { ...what, sequence: Number(sequence ?? 0), ...about, ...fieldsOf(head), ...whole }
}

function fieldsOf(head: string): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [name, pattern] of SHOWN) {
    const value = pattern.exec(head)?.[1]
    if (value !== undefined) fields[name] = printable(value)
  }
  return fields
}

function printable(text: string): string {
  return text.slice(0, LINE_CHARS).replace(/[\x00-\x1f\x7f]/g, '?')
}
