/** What the schema cannot say of a SIP carrier. Paths count from the carrier. */
import { isIP } from 'node:net'
import { patternProblem } from '../base/safe-pattern.js'
import { parseEndpoint } from './endpoint.js'
import type { Problem } from './explain.js'
import type { SipCarrierConfig } from './sip-carrier.js'

type Note = (path: Problem['path'], text: string) => void

/** Of ports in use one call has two; as many again rest. */
const PORTS_PER_CALL = 4

export function sipProblems(carrier: SipCarrierConfig): Problem[] {
  const problems: Problem[] = []
  const note: Note = (path, text) => void problems.push({ path, text })
  gatewayProblems(carrier, note)
  loginProblems(carrier, note)
  portProblems(carrier, note)
  digitProblems(carrier, note)
  carrier.outcomes.forEach(({ status, q850, matches }, index) => {
    if (status === undefined && q850 === undefined && matches === undefined) {
      note(['outcomes', index], 'stands without a condition; add status, q850 or matches')
    }
    const wrong = matches === undefined ? null : patternProblem(matches, [])
    if (wrong !== null) note(['outcomes', index, 'matches'], wrong)
  })
  return problems
}

function gatewayProblems({ host, hosts, transport, tlsOptions, ...carrier }: SipCarrierConfig, note: Note): void {
  if (host === undefined && hosts.length === 0) note(['host'], 'is missing; name the gateway by host or hosts')
  hosts.forEach((text, place) => {
    const { port } = parseEndpoint(text, 5060)
    if (port < 1 || port > 65_535) note(['hosts', place], 'must have a port from 1 to 65535')
  })
  if (tlsOptions !== undefined && transport !== 'tls')
    note(['tlsOptions'], `has no meaning with transport ${transport}`)
  if ((tlsOptions?.cert === undefined) !== (tlsOptions?.key === undefined)) {
    note(['tlsOptions'], 'must have cert and key together')
  }
  for (const key of ['localAddress', 'advertisedAddress'] as const) {
    const address = carrier[key]
    if (address !== undefined && isIP(address) === 0) note([key], 'must be an IP address')
  }
}

function loginProblems({ user, password, register, callerId }: SipCarrierConfig, note: Note): void {
  if (register && user === undefined) note(['register'], 'needs user, the name that is registered')
  if (user === undefined && password !== '') note(['password'], 'stands without user')
  if (user === undefined && callerId === undefined)
    note(['callerId'], 'is missing; name the number that calls come from')
}

function portProblems({ rtpPorts, maxCalls }: SipCarrierConfig, note: Note): void {
  const { from, to } = rtpPorts
  if (from % 2 !== 0) note(['rtpPorts', 'from'], 'must be even (RFC 3550 §11)')
  if (to % 2 !== 1) note(['rtpPorts', 'to'], 'must be odd, the second port of the last pair')
  const wanted = maxCalls * PORTS_PER_CALL
  if (to - from + 1 < wanted) {
    note(['rtpPorts'], `must have at least ${wanted} ports for maxCalls ${maxCalls}: two a call, and as many that rest`)
  }
}

function digitProblems({ optOutDigit, repeatDigit, expectedDigits }: SipCarrierConfig, note: Note): void {
  if (optOutDigit !== '' && optOutDigit === repeatDigit) note(['optOutDigit'], 'must not be the repeatDigit')
  for (const [key, digit] of Object.entries({ optOutDigit, repeatDigit })) {
    if (digit !== '' && expectedDigits.includes(digit)) note(['expectedDigits'], `must not hold the ${key}, ${digit}`)
  }
  if (new Set(expectedDigits).size < expectedDigits.length) note(['expectedDigits'], 'must hold each digit once')
}
