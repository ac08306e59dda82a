/**
 * SDP of the simulated gateway (RFC 8866, RFC 3264): reads an offer's audio and writes the answer, by itself and not by what the
 * engine uses, so that either is held to the specification and not to the other.
 */
import type { Codec } from '../media/media.js'

export interface AudioOffer {
  address: string
  port: number
  /** Those of ours that it offers, in its order. */
  codecs: Codec[]
  /** Payload type of telephone-event (RFC 4733); null: it takes none. */
  eventType: number | null
  direction: Direction
  /** Lines of `m=`, of which ours is the one at `mediaAt`: an answer has as many. */
  media: string[]
  mediaAt: number
}

type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

const NUMBERS: Readonly<Record<Codec, number>> = { pcmu: 0, pcma: 8 }
const ANSWERED: Readonly<Record<Direction, Direction>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
}

/** null: there is no audio in it that a telephone understands. */
export function readAudio(sdp: string): AudioOffer | null {
  const lines = sdp.split(/\r?\n/)
  const starts = lines.flatMap((line, at) => (line.startsWith('m=') ? [at] : []))
  const media = starts.map((at) => lines[at]!)
  const mediaAt = media.findIndex((line) => /^m=audio [1-9][0-9]* RTP\/AVPF? /.test(line))
  if (mediaAt < 0) return null
  const session = lines.slice(0, starts[0])
  const own = lines.slice(starts[mediaAt], starts[mediaAt + 1])
  const [, port, types] = /^m=audio (\d+)(?:\/\d+)? \S+ (.*)$/.exec(own[0]!)!
  const payloads = types!.trim().split(/ +/).map(Number)
  const address = connectionOf(own) ?? connectionOf(session)
  if (address === null) return null
  return {
    address,
    port: Number(port),
    codecs: payloads.flatMap((type) => (type === NUMBERS.pcmu ? ['pcmu'] : type === NUMBERS.pcma ? ['pcma'] : [])),
    eventType: payloads.find((type) => own.some((line) => isEvents(line, type))) ?? null,
    direction: directionOf(own) ?? directionOf(session) ?? 'sendrecv',
    media,
    mediaAt,
  }
}

function connectionOf(lines: readonly string[]): string | null {
  for (const line of lines) {
    const address = /^c=IN IP[46] ([^ /]+)/.exec(line)?.[1]
    if (address !== undefined) return address
  }
  return null
}

function isEvents(line: string, type: number): boolean {
  return line.toLowerCase().startsWith(`a=rtpmap:${type} telephone-event/8000`)
}

function directionOf(lines: readonly string[]): Direction | null {
  const line = lines.find((each) => /^a=(?:sendrecv|sendonly|recvonly|inactive)$/.test(each))
  return line === undefined ? null : (line.slice(2) as Direction)
}

export interface OurAudio {
  address: string
  port: number
  /** o= of this call. */
  sessionId: number
  version: number
}

/** In one codec; every other stream of the offer is refused with port 0 (RFC 3264 §6). */
export function answerAudio(offer: AudioOffer, codec: Codec, ours: OurAudio): string {
  const media = offer.media.flatMap((line, at) =>
    at === offer.mediaAt ? audioLines(codec, offer.eventType, ours.port) : [line.replace(/^(m=\S+) \d+/, '$1 0')],
  )
  const place = media.findIndex((line) => line.startsWith('m=audio ') && !line.startsWith('m=audio 0 '))
  const end = media.findIndex((line, at) => at > place && line.startsWith('m='))
  media.splice(end < 0 ? media.length : end, 0, `a=${ANSWERED[offer.direction]}`)
  return [...head(ours), ...media, ''].join('\r\n')
}

/** For an INVITE that brings none (RFC 3261 §13.3.1.4). */
export function offerAudio(codecs: readonly Codec[], ours: OurAudio): string {
  const types = codecs.map((codec) => NUMBERS[codec]).join(' ')
  const maps = codecs.map((codec) => `a=rtpmap:${NUMBERS[codec]} ${codec.toUpperCase()}/8000`)
  const events = ['a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15', 'a=ptime:20', 'a=sendrecv']
  return [...head(ours), `m=audio ${ours.port} RTP/AVP ${types} 101`, ...maps, ...events, ''].join('\r\n')
}

function head({ address, sessionId, version }: OurAudio): string[] {
  const family = address.includes(':') ? 'IP6' : 'IP4'
  const origin = `o=gateway ${sessionId} ${version} IN ${family} ${address}`
  return ['v=0', origin, 's=-', `c=IN ${family} ${address}`, 't=0 0']
}

function audioLines(codec: Codec, eventType: number | null, port: number): string[] {
  const type = NUMBERS[codec]
  const events = eventType === null ? [] : [`a=rtpmap:${eventType} telephone-event/8000`, `a=fmtp:${eventType} 0-15`]
  const media = `m=audio ${port} RTP/AVP ${type}${eventType === null ? '' : ` ${eventType}`}`
  return [media, `a=rtpmap:${type} ${codec.toUpperCase()}/8000`, ...events, 'a=ptime:20']
}
