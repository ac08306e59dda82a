/** What a schema cannot say: names that must be unique, names that must exist. */
import { isLanguage } from '../base/language-tag.js'
import { patternProblem } from '../base/safe-pattern.js'
import { parseRange } from '../base/source-address.js'
import { tlvProblems } from '../base/tlv-value.js'
import { isZone } from '../base/zone.js'
import { type CarrierConfig, CHANNEL_OF } from './carrier.js'
import { dropProblems } from './drop-relations.js'
import { parseEndpoint } from './endpoint.js'
import type { Problem } from './explain.js'
import { carrierId } from './route-carriers.js'
import type { Config } from './schema.js'
import { sipProblems } from './sip-relations.js'
import type { SmppCarrierConfig } from './smpp-carrier.js'
import { outcomeProblems } from './smpp-outcomes.js'
import { smtpProblems } from './smtp-relations.js'

export function relations(config: Config): Problem[] {
  const carriers = [...uniqueCarriers(config), ...config.carriers.flatMap(carrierProblems)]
  return [
    ...proxies(config),
    ...httpProblems(config),
    ...carriers,
    ...speechProblems(config),
    ...dropProblems(config),
    ...routes(config),
    ...retentionProblems(config),
  ]
}

/** Names that stand for ranges. */
const PROXY_NAMES: readonly string[] = ['loopback', 'linklocal', 'uniquelocal']

function proxies({ http }: Config): Problem[] {
  return http.trustedProxies.flatMap((text, index) =>
    PROXY_NAMES.includes(text) || parseRange(text) !== null
      ? []
      : [
          {
            path: ['http', 'trustedProxies', index],
            text: 'must be an address, a range such as 10.0.0.0/8, or loopback, linklocal, uniquelocal',
          },
        ],
  )
}

/** Of so many connections one is always found that asks nothing. */
function httpProblems({ http: { limits } }: Config): Problem[] {
  if (limits.connections >= 2 * limits.requests) return []
  return [{ path: ['http', 'limits', 'connections'], text: 'must be at least twice http.limits.requests' }]
}

/** A receipt may come so many days after its message was over. */
const ROW_DAYS_LEAST = 8

function retentionProblems({ retention: { textDays, rowDays } }: Config): Problem[] {
  const problems: Problem[] = []
  const at = (key: string, text: string) => problems.push({ path: ['retention', key], text })
  if (rowDays > 0 && rowDays < ROW_DAYS_LEAST) at('rowDays', `must be at least ${ROW_DAYS_LEAST}, or 0: for ever`)
  if (rowDays > 0 && textDays > rowDays) at('textDays', 'must be at most retention.rowDays: no text outlives its row')
  return problems
}

/** No place in the command is for the text: it would be seen by everybody who lists processes, and end at its first NUL. */
function speechProblems({ speech }: Config): Problem[] {
  const inCommand = speech.command.flatMap((argument, index) =>
    argument.includes('{text}')
      ? [
          {
            path: ['speech', 'command', index],
            text: 'has {text}, but the program gets the text on stdin; leave it out',
          },
        ]
      : [],
  )
  // A key that is no tag would never be looked up.
  const inVoices = Object.keys(speech.voices)
    .filter((tag) => !isLanguage(tag))
    .map((tag) => ({ path: ['speech', 'voices', tag], text: 'must be the voice of a language such as en-GB or de' }))
  return [...inCommand, ...inVoices]
}

function uniqueCarriers(config: Config): Problem[] {
  const first = new Map<string, number>()
  const problems: Problem[] = []
  config.carriers.forEach(({ id }, index) => {
    const before = first.get(id)
    if (before === undefined) first.set(id, index)
    else problems.push({ path: ['carriers', index, 'id'], text: `"${id}" is the id of carriers[${before}] already` })
  })
  return problems
}

function carrierProblems(carrier: CarrierConfig, index: number): Problem[] {
  return problemsOf(carrier).map(({ path, text }) => ({ path: ['carriers', index, ...path], text }))
}

function problemsOf(carrier: CarrierConfig): Problem[] {
  switch (carrier.protocol) {
    case 'smtp':
      return smtpProblems(carrier)
    case 'sip':
      return sipProblems(carrier)
    case 'smpp':
      return smppProblems(carrier)
  }
}

function smppProblems(carrier: SmppCarrierConfig): Problem[] {
  const problems: Problem[] = []
  const note = (path: Problem['path'], text: string): void => void problems.push({ path, text })
  if (carrier.host === undefined && carrier.hosts.length === 0)
    note(['host'], 'is missing; name the SMSC by host or hosts')
  if (carrier.host !== undefined && carrier.hosts.length > 0) note(['hosts'], 'stands beside host; keep one of the two')
  carrier.hosts.forEach((host, place) => {
    const { port } = parseEndpoint(host, carrier.port)
    if (port < 1 || port > 65_535) note(['hosts', place], 'must have a port from 1 to 65535')
  })
  if (typeof carrier.tls === 'object' && (carrier.tls.cert === undefined) !== (carrier.tls.key === undefined)) {
    note(['tls'], 'must have cert and key together')
  }
  if (carrier.nationalLanguages.length > 0 && carrier.defaultAlphabet !== 'gsm7') {
    note(['nationalLanguages'], `need defaultAlphabet gsm7, which is ${carrier.defaultAlphabet}`)
  }
  if (carrier.gsm7Packed && carrier.defaultAlphabet !== 'gsm7') {
    note(['gsm7Packed'], `needs defaultAlphabet gsm7, which is ${carrier.defaultAlphabet}`)
  }
  for (const { place, text } of tlvProblems(carrier.tlvs)) note(['tlvs', ...place], text)
  for (const { path, text } of outcomeProblems(carrier)) note(path, text)
  receiptProblems(carrier, note)
  return problems
}

function receiptProblems({ receipts }: SmppCarrierConfig, note: (path: Problem['path'], text: string) => void): void {
  const wrong = receipts.regex === undefined ? null : patternProblem(receipts.regex, ['id', 'stat'])
  if (wrong !== null) note(['receipts', 'regex'], wrong)
  if (!isZone(receipts.timeZone)) note(['receipts', 'timeZone'], 'is no time zone; write it as Europe/Berlin or UTC')
}

function routes(config: Config): Problem[] {
  const known = new Map(config.carriers.map((carrier) => [carrier.id, carrier]))
  const problems: Problem[] = []
  config.routes.forEach((route, index) => {
    const { channel, prefix } = route
    const note = (step: string, text: string): void => void problems.push({ path: ['routes', index, step], text })
    if (channel === 'email' && prefix !== '') note('prefix', 'has no meaning with email')
    const named = route.carriers.map(carrierId)
    named.forEach((id, place) => {
      const text = carrierProblem({ id, place, named, channel, known })
      if (text !== null) problems.push({ path: ['routes', index, 'carriers', place], text })
    })
  })
  return problems
}

interface NamedCarrier {
  id: string
  place: number
  named: string[]
  channel: keyof typeof CARRIES
  known: ReadonlyMap<string, CarrierConfig>
}

const CARRIES = { sms: 'SMS', voice: 'calls', email: 'email' } as const

function carrierProblem({ id, place, named, channel, known }: NamedCarrier): string | null {
  if (named.indexOf(id) < place) return `"${id}" is named twice`
  const carrier = known.get(id)
  if (carrier === undefined) {
    const there = known.size === 0 ? 'there are no carriers' : `there are: ${[...known.keys()].join(', ')}`
    return `no carrier has the id "${id}"; ${there}`
  }
  if (CHANNEL_OF[carrier.protocol] === channel) return null
  return `"${id}" speaks ${carrier.protocol}, which carries no ${CARRIES[channel]}`
}
