/**
 * How the next file travels: PASV, EPSV, PORT, EPRT, TYPE, MODE, STRU, ALLO, REST, ABOR (RFC 959 §4.1.2, RFC 2428,
 * RFC 3659 §5). Site thread.
 */
import { isIPv4 } from 'node:net'
import { ActivePort, bounceProblem } from './active-port.js'
import type { Command, Control } from './control.js'
import { formatPassive, type HostPort, parseExtendedPort, parsePort } from './host-port.js'
import type { PassivePort } from './passive-port.js'
import { type Reply, reply } from './reply.js'

const EPSV_ONLY = 'You said EPSV ALL: only EPSV from then on.'
const NO_PORT = 'No port for data is free at the moment; try again.'

function dropPort({ state }: Control): void {
  state.dataPort?.close()
  state.dataPort = null
}

async function openPassive(control: Control): Promise<PassivePort | null> {
  dropPort(control)
  const port = await control.host.passivePorts.open({ host: control.ownAddress, peer: control.peerAddress })
  if (port !== null && control.isOver) port.close()
  control.state.dataPort = port
  return port
}

async function passive(control: Control): Promise<Reply> {
  if (control.state.isEpsvOnly) return reply(501, EPSV_ONLY)
  const host = control.host.config.publicAddress ?? control.ownAddress
  if (!isIPv4(host)) return reply(425, 'PASV is for IPv4 only; say EPSV.')
  const port = await openPassive(control)
  if (port === null) return reply(425, NO_PORT)
  return reply(227, `Entering Passive Mode (${formatPassive({ host, port: port.port })}).`)
}

async function extendedPassive(control: Control, argument: string): Promise<Reply> {
  const wish = argument.trim().toUpperCase()
  if (wish === 'ALL') {
    control.state.isEpsvOnly = true
    return reply(200, 'Only EPSV from now on.')
  }
  const own = isIPv4(control.ownAddress) ? '1' : '2'
  if (wish !== '' && !/^\d+$/.test(wish)) return reply(501, 'EPSV, EPSV 1, EPSV 2 or EPSV ALL.')
  if (wish !== '' && wish !== own) return reply(522, `Network protocol not supported here, use (${own})`)
  const port = await openPassive(control)
  return port === null ? reply(425, NO_PORT) : reply(229, `Entering Extended Passive Mode (|||${port.port}|)`)
}

function activeTo(control: Control, target: HostPort | null): Reply {
  if (!control.host.config.active) return reply(502, 'Active mode is switched off here; use passive mode (EPSV, PASV).')
  if (control.state.isEpsvOnly) return reply(501, EPSV_ONLY)
  if (target === null) return reply(501, 'That is no address and port.')
  const problem = bounceProblem(target, control.peerAddress)
  if (problem !== null) return reply(504, problem)
  dropPort(control)
  control.state.dataPort = new ActivePort(target)
  return reply(200, 'Noted.')
}

function extendedPort(control: Control, argument: string): Reply {
  const target = parseExtendedPort(argument)
  if (target === 'protocol') return reply(522, 'Network protocol not supported, use (1,2)')
  return activeTo(control, target)
}

/** Files stay as they are in both types: what a client converts it converts itself, and CSV is read with any line end. */
function type(_control: Control, argument: string): Reply {
  const [letter = '', form = ''] = argument.trim().toUpperCase().split(/\s+/)
  if (letter === 'I' || (letter === 'L' && form === '8')) return reply(200, 'Type I.')
  if (letter === 'A' && (form === '' || form === 'N')) return reply(200, 'Type A; octets are kept as they are.')
  return reply(504, 'Types A and I.')
}

function only(letter: string, text: string): Command['run'] {
  return (_control, argument) =>
    argument.trim().toUpperCase() === letter ? reply(200, text) : reply(504, `Only ${letter} is known here.`)
}

function allocate({ host }: Control, argument: string): Reply {
  const match = /^(\d{1,18})(?: R \d{1,18})?$/i.exec(argument.trim())
  if (match === null) return reply(501, 'ALLO and a number of octets.')
  const { fileBytesMax } = host
  if (Number(match[1]) > fileBytesMax) return reply(552, `A file may have ${fileBytesMax} octets here.`)
  return reply(200, 'There is room for it.')
}

function restart({ state }: Control, argument: string): Reply {
  const text = argument.trim()
  if (!/^\d{1,15}$/.test(text)) return reply(501, 'REST and a number of octets.')
  state.restartAt = Number(text)
  return reply(350, `The next transfer begins at octet ${state.restartAt}.`)
}

/** A transfer under way was given up as soon as the command was read; see ControlSession. */
function abort(control: Control): Reply {
  dropPort(control)
  return reply(226, 'Nothing is under way.')
}

export const dataCommands: Readonly<Record<string, Command>> = {
  PASV: { syntax: 'PASV', keepsRestart: true, run: passive },
  EPSV: { syntax: 'EPSV [<protocol>|ALL]', keepsRestart: true, run: extendedPassive },
  PORT: { syntax: 'PORT <host-port>', keepsRestart: true, run: (control, text) => activeTo(control, parsePort(text)) },
  EPRT: { syntax: 'EPRT |<protocol>|<address>|<port>|', keepsRestart: true, run: extendedPort },
  TYPE: { syntax: 'TYPE A|I', needsArgument: true, keepsRestart: true, run: type },
  MODE: { syntax: 'MODE S', needsArgument: true, keepsRestart: true, run: only('S', 'Mode S.') },
  STRU: { syntax: 'STRU F', needsArgument: true, keepsRestart: true, run: only('F', 'Structure F.') },
  ALLO: { syntax: 'ALLO <octets>', needsArgument: true, keepsRestart: true, run: allocate },
  REST: { syntax: 'REST <octet>', needsArgument: true, keepsRestart: true, run: restart },
  ABOR: { syntax: 'ABOR', run: abort },
}
